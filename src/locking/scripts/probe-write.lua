--[[
  Fails when Redis accepts no writes: it is full, read-only, or cannot save them. Leaves nothing behind.

  KEYS[1]  a key that nobody else uses
]]
redis.call('SET', KEYS[1], '', 'PX', 1000)
return redis.call('DEL', KEYS[1])
