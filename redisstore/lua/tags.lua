-- Stands before each of the scripts for tags: KEYS[1] is the sequence, the
-- others are tags. Numbers are padded decimal strings.
local DONE = 1
local sequence = KEYS[1]

-- read returns a string that is stored, or nil.
local function read(key)
  local stored = redis.pcall('GET', key)
  return type(stored) == 'string' and stored or nil
end

-- position returns the number and the epoch of the sequence, or nil if there
-- is none. One that cannot be advanced is none.
local function position()
  local stored = read(sequence) or ''
  local number, epoch = string.sub(stored, 3, 22), string.sub(stored, 37)
  if string.find(string.sub(stored, 1, 36), '^LI%d+$') and string.find(epoch, '^%S+$')
      and number < '18446744073709551615' then
    return number, epoch
  end
end

-- identity returns the hard identity of a stored tag, or nil if it is none.
local function identity(tag)
  local number, hard, moved = string.match(tag or '', '^LG(%d+) %S+ (%S+) %S+ (%d+)$')
  return number and #number == 20 and number <= '18446744073709551615' and #moved < 16 and hard or nil
end

-- now is the server's clock, in ms.
local clock = redis.call('TIME')
local now = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))

-- tag and place are the stored forms of a tag and of the sequence.
local function tag(number, epoch, hard, soft)
  return 'LG' .. number .. ' ' .. epoch .. ' ' .. hard .. ' ' .. soft .. ' ' .. now
end
local function place(number, epoch) return 'LI' .. number .. '00000000000000' .. epoch end

-- lasting returns the lifetime for what has to live for life, in ms, and has
-- so much left. Every change is announced to all: there is one in a life.
local function lasting(left, life)
  return string.format('%.0f', left >= life and left or 2 * life)
end

-- stay has key live for life at least.
local function stay(key, life)
  local left = redis.call('PTTL', key)
  if left < life then
    redis.call('PEXPIRE', key, lasting(left, life))
  end
end

