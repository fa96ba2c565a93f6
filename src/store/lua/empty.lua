-- Takes a node that is gone out of some of the rooms it had sessions in.
-- → how many are left
local node, most = ARGV[3], ARGV[4]
local rooms = ns .. ':in:' .. node
for _, name in ipairs(redis.call('SPOP', rooms, most)) do
    redis.call('HDEL', ns .. ':n:' .. name, node)
    redis.call('DEL', ns .. ':m:' .. name .. ':' .. node)
end
return redis.call('SCARD', rooms)
