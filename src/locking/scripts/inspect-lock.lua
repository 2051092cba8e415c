--[[
  Describes the key that has the name of a lock, whatever its type; changes nothing.

  KEYS[1]  the lock
  Output   nil if there is none; otherwise its type, milliseconds until it expires (-1: never), and the start of a string
]]
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then
  return nil
end
return {kind, redis.call('PTTL', KEYS[1]), kind == 'string' and redis.call('GETRANGE', KEYS[1], 0, 63) or ''}
