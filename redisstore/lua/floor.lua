-- Stands, after the prelude, before the scripts that leave a floor.

-- reaches reports whether h is the header of a value that may stay under a
-- floor. Nothing reaches the floor of what has no version.
local function reaches(h, floor)
  return h and value(h) and floor ~= UNVERSIONED and version(h) >= floor
end

-- settle leaves a floor for hold, in ms, over what has the header h.
local function settle(h, floor, hold, soft)
  local left = 'T'
  if h then
    if version(h) > floor then
      floor = version(h)
    end
    if kind(h) == 'Q' then
      left = 'Q'
    elseif soft and (kind(h) == 'V' or kind(h) == 'S') then
      left = 'S'
    end
    if left ~= 'T' or kind(h) == 'T' then
      hold = longer(hold)
    end
  end
  if left == 'T' then
    set('T', floor, NEVER, hold)
  else
    set(left, floor, fresh_until(h) .. body(), hold)
  end
end

