-- id, stands for ms, hold in ms
--
-- It stands alone: making the prelude's functions would take as long as two
-- calls here do.
redis.call('DEL', KEYS[2])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local floor, life = '00000000000000000000', math.max(ARGV[2], ARGV[3])
local h = redis.pcall('GETRANGE', KEYS[1], 0, 35)
if type(h) == 'string' and #h == 36 and string.find(h, '^L[VNTSQq]%d+$')
    and string.sub(h, 3, 22) <= '18446744073709551615' then
  floor = string.sub(h, 3, 22)
  if string.find(h, '^L[TSQq]') then
    life = math.max(life, redis.call('PTTL', KEYS[1]))
  end
end
local record = 'LQ' .. floor .. string.format('%014.0f', now + ARGV[2]) .. ARGV[1]
redis.call('SET', KEYS[1], record, 'PX', life)
return 1
