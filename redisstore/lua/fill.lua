-- id, kind, version, fresh for ms, lives for ms, body
if not mine(ARGV[1]) then
  return LOST
end
redis.call('DEL', lease)
local h, life = header(), tonumber(ARGV[5])
if h then
  if intent(h) then
    return LOST
  end
  if version(h) > ARGV[3] then
    -- Change the key without changing it: the push wakes those who wait.
    local left = redis.call('PTTL', data)
    if left > 0 then
      redis.call('PEXPIRE', data, left)
    else
      redis.call('SET', data, redis.call('GET', data), 'KEEPTTL')
    end
    return {BELOW, version(h)}
  end
  life = longer(life)
end
set(ARGV[2], ARGV[3], stamp(ARGV[4]) .. ARGV[6], life)
return DONE
