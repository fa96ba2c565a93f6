-- Forgets a room: all its entries, its members' marks, who is in it.
-- `known`: empty, or the ids of which the last entry must have one. It is asked for again then, and somebody may have come
-- back meanwhile and gone on.
-- → 1, or 0: it is not what was to be forgotten
local known, last = ARGV[3], tonumber(redis.call('HGET', HEAD, 'last') or '0')
if known ~= '' and last > 0 and not string.find(known, id_at(last), 1, true) then
    return 0
end
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
