-- Forgets a room: all its entries, its members' marks, who is in it.
redis.call('PUBLISH', FEED, 'R')
for _, node in ipairs(redis.call('HKEYS', key('n'))) do
    redis.call('DEL', key('m') .. ':' .. node)
    redis.call('SREM', ns .. ':in:' .. node, room)
end
redis.call('DEL', LOG, HEAD, ERASED, EDITS, CIDS, key('n'))
redis.call('ZREM', ns .. ':rooms', room)
redis.call('ZREM', ns .. ':hidden', room)
return 1
