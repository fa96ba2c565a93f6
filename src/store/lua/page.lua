-- Entries low … high, upwards or downwards, one more than asked for if there is one.
-- → head (6), entries, erased ones
local fresh, low, high, down = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == 'down'
local limit, most = tonumber(ARGV[7]), tonumber(ARGV[8])
local STEP = 32
local answer = head(fresh)
low = math.max(low, tonumber(answer[4]))
high = math.min(high, tonumber(answer[5]))

local entries, bytes, full = {}, 0, false
local from, to = low, high
while from <= to and not full do
    local items
    if down then
        items = redis.call('XREVRANGE', LOG, text(to) .. '-0', text(from) .. '-0', 'COUNT', STEP)
    else
        items = redis.call('XRANGE', LOG, text(from) .. '-0', text(to) .. '-0', 'COUNT', STEP)
    end
    for i = 1, #items do
        entries[#entries + 1] = items[i]
        bytes = bytes + #items[i][2][CONTENT]
        full = #entries > limit or bytes > most and #entries > 1
        local seq = tonumber(string.match(items[i][1], '^%d+'))
        if down then
            to = seq - 1
        else
            from = seq + 1
        end
        if full then
            break
        end
    end
    if #items < STEP then
        break
    end
end
if full then -- what is past them is not asked for
    low, high = down and to + 1 or low, down and high or from - 1
end
local erased = {}
if low <= high and redis.call('EXISTS', ERASED) == 1 then
    if down then
        erased = redis.call('ZREVRANGEBYSCORE', ERASED, text(high), text(low), 'LIMIT', '0', text(limit + 1))
    else
        erased = redis.call('ZRANGEBYSCORE', ERASED, text(low), text(high), 'LIMIT', '0', text(limit + 1))
    end
end
answer[7], answer[8] = entries, erased
return answer
