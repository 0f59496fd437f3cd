-- id, stands for ms, hold in ms
redis.call('DEL', lease)
local h, floor, life = header(), UNVERSIONED, math.max(ARGV[2], ARGV[3])
if h then
  floor = version(h)
  if not value(h) then
    life = longer(life)
  end
end
set('Q', floor, stamp(ARGV[2]) .. ARGV[1], life)
return {DONE}
