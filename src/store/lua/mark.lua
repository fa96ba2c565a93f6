-- Keeps how far somebody has read, unless they have read further. Direct rooms know who has marks in them, because
-- they may be erased.
local who, seq, time, lasts_ms = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local marks = ns .. ':k:' .. who
local known = redis.call('HGET', marks, room)
if not known or tonumber(string.match(known, '^%d+')) <= tonumber(seq) then
    redis.call('HSET', marks, room, seq .. ' ' .. time)
end
redis.call('PEXPIRE', marks, lasts_ms)
if string.sub(room, 1, 1) == '@' then
    redis.call('SADD', key('w'), who)
    redis.call('PEXPIRE', key('w'), lasts_ms)
end
return 1
