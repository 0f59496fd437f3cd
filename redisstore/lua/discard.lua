-- body
local h = header()
if h and not tombstone(h) and string.sub(redis.call('GET', data), 37) == ARGV[1] then
  redis.call('DEL', data)
  return {DONE}
end
return {KEPT}
