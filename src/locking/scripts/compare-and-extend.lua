--[[
  Extends a lock, if it is still the asker's.

  KEYS[1]  the lock, of whatever type it is by now
  ARGV[1]  token of the asker's acquisition
  ARGV[2]  milliseconds until it expires, from now on
  Output   1 extended, 0 there is no such lock, -1 it is another's; in both nothing is changed
]]
local owner = redis.pcall('GET', KEYS[1])
if owner == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return owner and -1 or 0
