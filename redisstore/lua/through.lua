-- Stands, after floor.lua, before the scripts that store what a writer has
-- committed. Their first write is the value: when memory is short the server
-- refuses that alone, and they leave a floor in its place. What is stored must
-- not stay, and a DEL opens the way for the floor.

-- write stores a value over a record, and reports false if it was refused.
local function write(new, fresh, life, content)
  local record = 'LV' .. new .. stamp(fresh) .. content
  return redis.pcall('SET', data, record, 'PX', string.format('%.0f', longer(life))).ok
end

-- through stores the version new, or its floor, over what has the header h.
local function through(h, new, fresh, life, hold, content)
  if content and h and kind(h) == 'V' and version(h) < new and write(new, fresh, life, content) then
    redis.call('DEL', lease)
    return {DONE}
  end
  redis.call('DEL', lease)
  if reaches(h, new) then
    return {KEPT}
  end
  settle(h, new, hold)
  return {CLEARED}
end

