-- id, lifetime of the mark in ms or '0'
if not mine(ARGV[1]) then
  return LOST
end
redis.call('DEL', lease)
if ARGV[2] ~= '0' then
  redis.call('SET', lease, 'F', 'PX', ARGV[2])
end
return DONE
