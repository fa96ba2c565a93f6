-- Takes changes, if they were decided on the present state. KEYS: the records, their log, the channel. ARGV: lineage,
-- position, entries of the log to keep, 'new' or '', and then field and record of each change, empty where it is gone.
--
-- Answers the position reached; 'behind' when the log does not end at the position given; 'other' when this is not the
-- ledger there is or, with 'new', when there is one.

local lineage = redis.call('HGET', KEYS[1], 'lineage')
if ARGV[4] == 'new' then
    if lineage then return 'other' end
    redis.call('HSET', KEYS[1], 'lineage', ARGV[1])
elseif lineage ~= ARGV[1] then
    return 'other'
else
    local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
    if (last[1] and last[1][1] or '0-0') ~= ARGV[2] then return 'behind' end
end
local position, fields = ARGV[2], {}
for i = 5, #ARGV, 2 do
    if ARGV[i + 1] == '' then
        redis.call('HDEL', KEYS[1], ARGV[i])
    else
        redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    end
    fields[#fields + 1] = 'field'
    fields[#fields + 1] = ARGV[i]
    -- Lua passes no more than some thousand arguments to one call.
    if #fields == 1000 or i + 2 > #ARGV then
        position = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', unpack(fields))
        fields = {}
    end
end
redis.call('PUBLISH', KEYS[3], position)
return position
