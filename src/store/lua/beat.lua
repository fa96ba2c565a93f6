-- A node is alive for as long as its lease lasts from now on.
-- → whether it was until now, the epoch, nodes that are alive, nodes that are not
local fresh, node, lease_ms = ARGV[3], ARGV[4], ARGV[5]
local NODES = ns .. ':nodes'
local function lease(id)
    return ns .. ':node:' .. id
end
local was = redis.call('EXISTS', lease(node)) == 1 and redis.call('SISMEMBER', NODES, node) == 1
redis.call('SET', lease(node), '1', 'PX', lease_ms)
redis.call('SADD', NODES, node)
local alive, dead = {}, {}
for _, id in ipairs(redis.call('SMEMBERS', NODES)) do
    local list = redis.call('EXISTS', lease(id)) == 1 and alive or dead
    list[#list + 1] = id
end
if not was then
    redis.call('PUBLISH', ALL, 'B' .. pack({node}))
end
return {was and 1 or 0, epoch(fresh), alive, dead}
