-- Forgets a room: all its entries, its members' marks, who is in it.
redis.call('PUBLISH', FEED, 'R')
for _, node in ipairs(redis.call('HKEYS', key('n'))) do
    redis.call('DEL', key('m') .. ':' .. node)
    redis.call('SREM', ns .. ':in:' .. node, room)
end
redis.call('DEL', LOG, HEAD, ERASED, EDITS, CIDS, key('n'))
redis.call('ZREM', ns .. ':rooms', room)
redis.call('ZREM', ns .. ':hidden', room)

-- That it is gone is remembered for a day, so that copies of it go as well.
local GONE, KEPT_S = ns .. ':gone', 86400
local now = tonumber(redis.call('TIME')[1])
changed()
redis.call('ZADD', GONE, text(now), room)
for _, name in ipairs(redis.call('ZRANGEBYSCORE', GONE, '-inf', text(now - KEPT_S), 'LIMIT', '0', '100')) do
    redis.call('ZREM', GONE, name)
    if redis.call('EXISTS', ns .. ':r:' .. name) == 0 then
        redis.call('ZREM', ns .. ':changes', name)
    end
end
return 1
