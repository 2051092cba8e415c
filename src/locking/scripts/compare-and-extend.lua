--[[
  Extends a lock, if the caller still holds it.

  KEYS[1]  the lock; its key may have another type by now
  ARGV[1]  token of the caller's acquisition
  ARGV[2]  new time to live in milliseconds
  Output   1 extended; 0 no such lock, -1 held by another: nothing is changed
]]
local owner = redis.pcall('GET', KEYS[1])
if owner == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return owner and -1 or 0
