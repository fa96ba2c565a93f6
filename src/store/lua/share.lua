-- A signal for the readers on other nodes, and how many sessions this node has in the room.
-- `change`: + a member has come or is called otherwise, - one has left, empty: neither
-- `signal`: empty where the readers are told nothing
local node, count, change, who, name, signal = unpack(ARGV, 3, 8)
local counts, members = key('n'), key('m') .. ':' .. node
if count == '0' then
    redis.call('HDEL', counts, node)
    redis.call('DEL', members)
    redis.call('SREM', ns .. ':in:' .. node, room)
else
    redis.call('HSET', counts, node, count)
    redis.call('SADD', ns .. ':in:' .. node, room)
    if change == '+' then
        redis.call('HSET', members, who, name)
    elseif change == '-' then
        redis.call('HDEL', members, who)
    end
end
if signal ~= '' then
    local h = redis.call('HMGET', HEAD, 'last', 'committed')
    redis.call('PUBLISH', FEED, 'S' .. pack({node, count, h[2] or h[1] or '0'}) .. signal)
end
return 1
