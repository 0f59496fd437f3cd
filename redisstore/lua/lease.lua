-- id, lifetime in ms, lowest version wanted, '1' to force
local h = header()
if h and ARGV[4] ~= '1' and value(h) and version(h) >= ARGV[3] and fresh_until(h) > stamp(0) then
  return {FOUND, redis.call('GET', data)}
end
if h and intent(h) then
  return {INTENDED, redis.call('GET', data), fresh_until(h) - stamp(0)}
end
local held, left = redis.pcall('GET', lease), redis.call('PTTL', lease)
if type(held) == 'string' and left >= 0 then
  if string.sub(held, 1, 1) == 'F' then
    return {FAILED, left}
  end
  return {BUSY, left}
end
redis.call('SET', lease, 'I' .. ARGV[1], 'PX', ARGV[2])
if not h then
  return GRANTED
end
if kind(h) == 'T' then
  return {GRANTED, h} -- what is stored may be an intent that has lapsed
end
return {GRANTED, redis.call('GET', data)}
