-- floor
local h = header()
if not h or not intent(h) then
  return LOST
end
local kept = ARGV[1] == UNVERSIONED and 'q' or kind(h)
local floor = ARGV[1] > version(h) and ARGV[1] or version(h)
if kept ~= kind(h) or floor ~= version(h) then -- every change wakes all who wait
  redis.call('SET', data, 'L' .. kept .. floor .. fresh_until(h) .. body(), 'KEEPTTL')
end
return DONE
