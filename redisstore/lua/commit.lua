-- Stands after write.lua, the prelude and floor.lua: no value was stored.
redis.call('DEL', lease)
local h = header()
if h and intent(h) and ARGV[5] == '1' and body() == ARGV[6] then
  h = 'LT' .. version(h) .. NEVER
elseif reaches(h, ARGV[1]) then
  return KEPT
end
settle(h, ARGV[1], ARGV[4])
return CLEARED
