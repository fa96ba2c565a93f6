-- Keeps how far somebody has read, unless they have read further, and what those of a conversation were called when
-- that is told. Direct rooms know who has marks in them, because they may be erased.
local who, seq, time, lasts_ms, names = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local marks = ns .. ':k:' .. who
local read, called = string.match(redis.call('HGET', marks, room) or '', '^(%d+) %d+ ?(.*)$')
if read and tonumber(read) > tonumber(seq) then
    seq = read
end
if names == '' then
    names = called or ''
end
redis.call('HSET', marks, room, seq .. ' ' .. time .. (names ~= '' and ' ' .. names or ''))
redis.call('PEXPIRE', marks, lasts_ms)
if string.sub(room, 1, 1) == '@' then
    redis.call('SADD', key('w'), who)
    redis.call('PEXPIRE', key('w'), lasts_ms)
end
return 1
