--[[
  Claims the default prefix for a deployment, or renews its claim, unless another deployment has it.

  KEYS[1]  the claim
  ARGV[1]  id of the deployment
  ARGV[2]  id and name of the deployment: the value of the claim
  ARGV[3]  milliseconds until the claim expires
  Output   nil if the caller has the claim; otherwise its value, or its type
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
