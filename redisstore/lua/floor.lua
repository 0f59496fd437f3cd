-- Stands, after the prelude, before the scripts that leave a floor.

-- reaches reports whether h is the header of a value that may stay under a
-- floor. Nothing reaches the floor of what has no version.
local function reaches(h, floor)
  return h and value(h) and floor ~= UNVERSIONED and version(h) >= floor
end

-- settle leaves a floor for hold, in ms, over what has the header h: in a
-- tombstone, or in an intent or stale value that stays one. An intent is spoilt
-- by what has no version: nobody knows which of the two came later.
local function settle(h, floor, hold, soft)
  if not h then
    return set('T', floor, NEVER, hold)
  end
  local left = 'T'
  if intent(h) then
    left = floor == UNVERSIONED and 'q' or kind(h)
  elseif soft and (kind(h) == 'V' or kind(h) == 'S') then
    left = 'S'
  end
  if version(h) > floor then
    floor = version(h)
  end
  if left ~= 'T' or not value(h) then
    hold = longer(hold) -- an earlier floor, or the value that is stale now, stays as long
  end
  set(left, floor, left == 'T' and NEVER or fresh_until(h) .. body(), hold)
end

