-- version, fresh for ms, lives for ms, hold in ms, '1' to finish an intent, its
-- id, body if there is one
--
-- What a writer has committed: this part stores the value, and commit.lua what
-- is left in its place if there is none to be stored. The prelude stands between
-- them, because making its functions would take as long as two calls here do.
--
-- The first write is the value: when memory is short the server refuses that
-- alone. What is stored must not stay then, and commit.lua goes on.
local stored = redis.pcall('GETRANGE', KEYS[1], 0, 36 + #ARGV[6])
if ARGV[7] and type(stored) == 'string' and #stored >= 36
    and string.find(string.sub(stored, 1, 36), '^L[VQ]%d+$') then
  local t = redis.call('TIME')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  local version, value, over = string.sub(stored, 3, 22), string.sub(stored, 2, 2) == 'V', false
  if value then
    over = version < ARGV[1]
  else
    over = version <= ARGV[1] and ARGV[5] == '1' and string.sub(stored, 37) == ARGV[6]
        and tonumber(string.sub(stored, 23, 36)) > now
  end
  if over then
    local life, left = ARGV[3], redis.call('PTTL', KEYS[1])
    if left > tonumber(life) then
      life = left
    end
    local record = 'LV' .. ARGV[1] .. string.format('%014.0f', now + ARGV[2]) .. ARGV[7]
    if redis.pcall('SET', KEYS[1], record, 'PX', life).ok then
      if value then
        redis.call('DEL', KEYS[2]) -- while an intent stands nobody holds the lease
      end
      return 1
    end
  end
end

