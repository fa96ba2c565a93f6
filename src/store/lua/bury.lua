-- A node is gone: its names are free, and all are told. `self`: it says so itself; else its lease must have run out.
-- → 1, or 0: it is alive
local node, own = ARGV[3], ARGV[4] == 'self'
local lease, held, NAMES, ALL = ns .. ':node:' .. node, ns .. ':held:' .. node, ns .. ':names', ns .. ':all'
if own then
    redis.call('DEL', lease)
elseif redis.call('EXISTS', lease) == 1 then
    return 0
end
for _, folded in ipairs(redis.call('SMEMBERS', held)) do
    local current = redis.call('HGET', NAMES, folded)
    local by, kind, list, name = string.match(current or '', '^(%x+) (%d) (%S+) (.*)$')
    local holders, held_it = {}, false
    for id in string.gmatch(list or '', '[^,]+') do
        if id == node then
            held_it = true
        else
            holders[#holders + 1] = id
        end
    end
    if held_it then
        local value = ''
        if #holders > 0 then
            value = table.concat({by, kind, table.concat(holders, ','), name}, ' ')
            redis.call('HSET', NAMES, folded, value)
        else
            redis.call('HDEL', NAMES, folded)
        end
        redis.call('PUBLISH', ALL, 'N' .. pack({folded, value}))
    end
end
redis.call('DEL', held)
redis.call('SREM', ns .. ':nodes', node)
redis.call('PUBLISH', ALL, 'D' .. pack({node}))
return 1
