-- The head of a room, and whether it is the log that somebody knows who was shown its entries up to `last`, which had
-- this id. If not, it has lost some, and begins a new epoch: the first who finds out names it.
-- → head (6), id of the last that may be shown, id of the last, sessions by node …
local fresh, known_epoch, known_last, known_id = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
local answer = head(fresh)
if known_epoch == answer[1] then
    local shown, last = tonumber(answer[5]), tonumber(answer[6])
    local there = known_last <= last
    if there and known_last >= tonumber(answer[4]) then
        there = id_at(known_last) == known_id
    end
    if not there then
        redis.call('HSET', HEAD, 'epoch', fresh)
        redis.call('PUBLISH', FEED, 'R')
        answer = head(fresh)
    elseif known_last > shown then
        commit(known_last)
        answer = head(fresh)
    end
end
answer[7] = id_at(tonumber(answer[5]))
answer[8] = id_at(tonumber(answer[6]))
for _, value in ipairs(redis.call('HGETALL', key('n'))) do
    answer[#answer + 1] = value
end
return answer
