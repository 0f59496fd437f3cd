-- floor, hold in ms
redis.call('DEL', lease)
local h, floor, hold = header(), ARGV[1], tonumber(ARGV[2])
if h then
  if not tombstone(h) and floor ~= '00000000000000000000' and version(h) >= floor then
    return {KEPT}
  end
  if version(h) > floor then
    floor = version(h)
  end
  if tombstone(h) then
    hold = math.max(hold, redis.call('PTTL', data))
  end
end
redis.call('SET', data, 'LT' .. floor .. '00000000000000', 'PX', string.format('%.0f', hold))
return {DONE}
