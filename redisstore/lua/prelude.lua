-- Stands before each of the scripts for one key, but for intend.lua. All numbers
-- in a record are padded decimal strings and are compared as strings.
--
-- A script answers with a number, or with a list that it begins.
local data, lease = KEYS[1], KEYS[2]
local DONE, FOUND, GRANTED, BUSY, FAILED, KEPT, LOST, BELOW, INTENDED, CLEARED = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
local UNVERSIONED, NEVER = '00000000000000000000', '00000000000000'

local function kind(h) return string.sub(h, 2, 2) end
local function version(h) return string.sub(h, 3, 22) end
local function fresh_until(h) return string.sub(h, 23, 36) end

-- stamp returns the moment that is so many milliseconds from now.
local function stamp(ms)
  local t = redis.call('TIME')
  return string.format('%014.0f', t[1] * 1000 + math.floor(t[2] / 1000) + ms)
end

-- intent reports whether h is the header of an intent, spoilt or not.
local function intent(h) return kind(h) == 'Q' or kind(h) == 'q' end

-- header returns the header of the stored record, or nil if there is no
-- record: nothing, bytes that are none, or a key of another type. That of an
-- intent that has lapsed is that of a tombstone.
local function header()
  local h = redis.pcall('GETRANGE', data, 0, 35)
  if type(h) ~= 'string' or #h ~= 36 or not string.find(h, '^L[VNTSQq]%d+$')
      or version(h) > '18446744073709551615' then
    return nil
  end
  if intent(h) and fresh_until(h) <= stamp(0) then
    return 'LT' .. version(h) .. NEVER
  end
  return h
end

-- value reports whether h is the header of a value or a negative.
local function value(h) return kind(h) == 'V' or kind(h) == 'N' end

-- body returns what is stored behind the header.
local function body() return redis.call('GETRANGE', data, 36, -1) end

-- longer returns life, or what is left of the life of what is stored, if that
-- is more.
local function longer(life) return math.max(tonumber(life), redis.call('PTTL', data)) end

-- set stores a record for life, in ms. The rest is its FreshUntil and body.
local function set(kind, version, rest, life)
  redis.call('SET', data, 'L' .. kind .. version .. rest, 'PX', life)
end

-- mine reports whether load id holds the lease.
local function mine(id) return redis.pcall('GET', lease) == 'I' .. id end

