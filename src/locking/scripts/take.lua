--[[
  Takes a lock, if it is free; else tells what is in its place, whatever type that is of.

  KEYS[1]  the lock
  ARGV[1]  token of the asker's acquisition
  ARGV[2]  milliseconds until it expires
  Output   nil where the lock is the asker's now; else type, milliseconds until it expires (-1: never), and the first
           characters of a string
]]
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return nil
end
local kind = redis.call('TYPE', KEYS[1]).ok
return {kind, redis.call('PTTL', KEYS[1]), kind == 'string' and redis.call('GETRANGE', KEYS[1], 0, 63) or ''}
