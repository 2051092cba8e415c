--[[
  Takes a lock if it is free; otherwise describes the key that has its name, whatever its type.

  KEYS[1]  the lock
  ARGV[1]  token of the caller's acquisition
  ARGV[2]  time to live in milliseconds
  Output   nil if the caller has the lock now; otherwise type, milliseconds until it expires (-1: never), and the start of
           a string
]]
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return nil
end
local kind = redis.call('TYPE', KEYS[1]).ok
return {kind, redis.call('PTTL', KEYS[1]), kind == 'string' and redis.call('GETRANGE', KEYS[1], 0, 63) or ''}
