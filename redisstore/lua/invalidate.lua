-- floor, hold in ms, '1' if soft
redis.call('DEL', lease)
local h = header()
if reaches(h, ARGV[1]) then
  return KEPT
end
settle(h, ARGV[1], ARGV[2], ARGV[3] == '1')
return DONE
