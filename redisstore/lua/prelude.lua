-- Stands before each of the other scripts. All numbers in a record are padded
-- decimal strings and are compared as strings.
local data, lease = KEYS[1], KEYS[2]
local DONE, FOUND, GRANTED, BUSY, FAILED, KEPT, LOST, BELOW = 1, 2, 3, 4, 5, 6, 7, 8

-- header returns the header of the stored record, or nil if there is no
-- record: nothing, bytes that are none, or a key of another type.
local function header()
  local h = redis.pcall('GETRANGE', data, 0, 35)
  if type(h) == 'string' and #h == 36 and string.find(h, '^L[VNT]%d+$')
      and string.sub(h, 3, 22) <= '18446744073709551615' then
    return h
  end
end

local function tombstone(h) return string.sub(h, 2, 2) == 'T' end
local function version(h) return string.sub(h, 3, 22) end
local function fresh_until(h) return string.sub(h, 23, 36) end

-- stamp returns the moment that is so many milliseconds from now.
local function stamp(ms)
  local t = redis.call('TIME')
  return string.format('%014.0f', t[1] * 1000 + math.floor(t[2] / 1000) + ms)
end

-- mine reports whether load id holds the lease.
local function mine(id) return redis.pcall('GET', lease) == 'I' .. id end

