-- Public rooms by name, and the sessions in them on these nodes.
-- → of each: key, head (6), sessions
local fresh, most, longest = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local answer = {}
local common = redis.call('GET', ns .. ':epoch')
for i, name in ipairs(redis.call('ZRANGE', ns .. ':rooms', '0', text(most - 1))) do
    local h = redis.call('HMGET', ns .. ':h:' .. name, 'epoch', 'name', 'topic', 'first', 'last', 'committed')
    local sessions = 0
    if #ARGV > 5 then
        for _, count in ipairs(redis.call('HMGET', ns .. ':n:' .. name, unpack(ARGV, 6))) do
            sessions = sessions + (tonumber(count) or 0)
        end
    end
    answer[i] = {name, h[1] or common or fresh, h[2] or '', string.sub(h[3] or '', 1, longest), h[4] or '1',
                 h[6] or h[5] or '0', h[5] or '0', text(sessions)}
end
return answer
