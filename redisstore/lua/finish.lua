-- id, version, fresh for ms, lives for ms, hold in ms, body if there is one
local h, new, hold, content = header(), ARGV[2], ARGV[5], ARGV[6]
if not h or not intent(h) or body() ~= ARGV[1] then
  return through(h, new, ARGV[3], ARGV[4], hold, content)
end
if content and kind(h) == 'Q' and new >= version(h) and write(new, ARGV[3], ARGV[4], content) then
  redis.call('DEL', lease)
  return {DONE}
end
redis.call('DEL', lease)
settle('LT' .. version(h) .. NEVER, new, hold)
return {CLEARED}
