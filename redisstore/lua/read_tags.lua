-- nonce, lifetime in ms
local nonce, life = ARGV[1], tonumber(ARGV[2])
local number, epoch = position()

-- make stores what was absent. The DEL is for servers before 7.0: after it
-- they let a script go on while memory is short.
local function make(key, stored)
  redis.call('DEL', key)
  redis.call('SET', key, stored, 'PX', lasting(0, life))
  return stored
end

if number then
  stay(sequence, life)
else
  number, epoch = '00000000000000000001', nonce
  make(sequence, place(number, epoch))
end
local answer = {DONE, place(number, epoch), now}
for i = 2, #KEYS do
  local stored = read(KEYS[i])
  if identity(stored) then
    stay(KEYS[i], life)
  else
    stored = make(KEYS[i], tag(number, epoch, nonce, nonce))
  end
  answer[i + 2] = stored
end
return answer
