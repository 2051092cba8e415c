--[[
  Claims the keys without an identity for a deployment, or renews its claim, if no other deployment has one.

  KEYS[1]  the claim
  ARGV[1]  identity of the deployment
  ARGV[2]  the same with a name for people, which is what the claim holds
  ARGV[3]  milliseconds until the claim expires
  Output   nil where the claim is the asker's; else what it holds, or what type it is of
]]
local owner = redis.pcall('GET', KEYS[1])
if type(owner) == 'table' then
  return 'a ' .. redis.call('TYPE', KEYS[1]).ok
end
if owner and string.sub(owner, 1, #ARGV[1]) ~= ARGV[1] then
  return owner
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return nil
