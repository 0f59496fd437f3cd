-- nonce, lifetime in ms, '1' if soft
local nonce, life = ARGV[1], tonumber(ARGV[2])
local number, epoch = position()
if not number then
  number, epoch = '00000000000000000000', nonce
end

-- One more, in two halves: Lua counts up to 2^53 only.
local high, low = tonumber(string.sub(number, 1, 10)), tonumber(string.sub(number, 11)) + 1
if low == 10000000000 then
  high, low = high + 1, 0
end
number = string.format('%010.0f%010.0f', high, low)

local left = redis.call('PTTL', sequence)
redis.call('DEL', sequence) -- first, so that it may be done while memory is short
redis.call('SET', sequence, place(number, epoch), 'PX', lasting(left, life))
for i = 2, #KEYS do
  local hard = ARGV[3] == '1' and identity(read(KEYS[i]))
  if hard then
    redis.call('SET', KEYS[i], tag(number, epoch, hard, nonce), 'KEEPTTL')
  else
    redis.call('DEL', KEYS[i])
  end
end
return {DONE, place(number, epoch), now}
