-- id, kind, version, fresh for ms, lives for ms, body
if not mine(ARGV[1]) then
  return {LOST}
end
redis.call('DEL', lease)
local h = header()
if h and version(h) > ARGV[3] then
  -- Change the key without changing it: the push wakes those who wait.
  local left = redis.call('PTTL', data)
  if left > 0 then
    redis.call('PEXPIRE', data, left)
  else
    redis.call('SET', data, redis.call('GET', data), 'KEEPTTL')
  end
  return {BELOW, version(h)}
end
local life = tonumber(ARGV[5])
if h then
  life = math.max(life, redis.call('PTTL', data))
end
redis.call('SET', data, 'L' .. ARGV[2] .. ARGV[3] .. stamp(ARGV[4]) .. ARGV[6], 'PX', life)
return {DONE}
