--[[
  Releases a lock, if the caller still holds it.

  KEYS[1]  the lock; its key may have another type by now
  ARGV[1]  token of the caller's acquisition
  Output   1 released; 0 no longer held, nothing is changed
]]
if redis.pcall('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
