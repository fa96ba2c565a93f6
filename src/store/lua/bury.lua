-- A node is gone: its names are free, and all are told. `self`: it says so itself; else its lease must have run out.
-- → 1, or 0: it is alive
local node, own = ARGV[3], ARGV[4] == 'self'
local lease, held = ns .. ':node:' .. node, ns .. ':held:' .. node
if own then
    redis.call('DEL', lease)
elseif redis.call('EXISTS', lease) == 1 then
    return 0
end
for _, folded in ipairs(redis.call('SMEMBERS', held)) do
    local held_it = false
    local by, kind, holders, name = read_name(redis.call('HGET', NAMES, folded), function(id)
        held_it = held_it or id == node
        return id ~= node
    end)
    if held_it then
        keep_name(folded, by, kind, holders, name)
    end
end
redis.call('DEL', held)
redis.call('SREM', ns .. ':nodes', node)
redis.call('PUBLISH', ALL, 'D' .. pack({node}))
return 1
