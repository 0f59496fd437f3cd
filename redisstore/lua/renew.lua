-- id, lifetime in ms
if not mine(ARGV[1]) then
  return LOST
end
redis.call('PEXPIRE', lease, ARGV[2])
return DONE
