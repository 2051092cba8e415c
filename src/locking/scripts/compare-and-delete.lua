--[[
  Releases a lock, if it is still the asker's.

  KEYS[1]  the lock, of whatever type it is by now
  ARGV[1]  token of the asker's acquisition
  Output   1 released, 0 no longer the asker's: nothing is changed
]]
if redis.pcall('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
