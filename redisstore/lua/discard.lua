-- body
local h = header()
if h and (value(h) or kind(h) == 'S') and body() == ARGV[1] then
  redis.call('DEL', data)
  return DONE
end
return KEPT
