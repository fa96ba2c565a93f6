-- Forgets how far anybody has read a room.
for _, who in ipairs(redis.call('SMEMBERS', key('w'))) do
    redis.call('HDEL', ns .. ':k:' .. who, room)
end
redis.call('DEL', key('w'))
return 1
