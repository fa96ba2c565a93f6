-- What the scripts share; put in front of each. A script runs alone: nobody sees what it has half done.
--
-- Keys of a room: r log (a stream; ids are NUMBER-0) · h head · t what stands in the place of erased entries, by number
-- e edits, by the number they edit · c cids of entries that are there · d a cid that outlived its entry
-- n sessions in it, by node · m members, by node.  Channel: f.
local ns, room = ARGV[1], ARGV[2]

local function key(kind)
    return ns .. ':' .. kind .. ':' .. room
end

local LOG, HEAD, ERASED, EDITS, CIDS, FEED = key('r'), key('h'), key('t'), key('e'), key('c'), key('f')
local DAY_US = 86400000000
local NUMBER_MAX = 9007199254740991

-- Numbers that are too long for Lua's own way of writing them.
local function text(number)
    return string.format('%.0f', number)
end

-- Texts behind each other, each after its length: "3:abc0:2:de".
local function pack(list)
    local parts = {}
    for i = 1, #list do
        parts[i] = #list[i] .. ':' .. list[i]
    end
    return table.concat(parts)
end

local function unpack_texts(packed)
    local list, at = {}, 1
    while at <= #packed do
        local colon = string.find(packed, ':', at, true)
        local length = tonumber(string.sub(packed, at, colon - 1))
        list[#list + 1] = string.sub(packed, colon + 1, colon + length)
        at = colon + length + 1
    end
    return list
end

-- Names by their folded form: "IDENTITY REGISTERED NODE,NODE SHOWN". What changes is told to all.
local NAMES, ALL = ns .. ':names', ns .. ':all'

-- The parts of a name, with those of its holders that `stays` is true of.
local function read_name(value, stays)
    local holders = {}
    local by, kind, list, name = string.match(value or '', '^(%x+) (%d) (%S+) (.*)$')
    for id in string.gmatch(list or '', '[^,]+') do
        if stays(id) then
            holders[#holders + 1] = id
        end
    end
    return by, kind, holders, name
end

local function name_value(by, kind, holders, name)
    return table.concat({by, kind, table.concat(holders, ','), name}, ' ')
end

-- Without holders it is free.
local function keep_name(folded, by, kind, holders, name)
    local value = ''
    if #holders > 0 then
        value = name_value(by, kind, holders, name)
        redis.call('HSET', NAMES, folded, value)
    else
        redis.call('HDEL', NAMES, folded)
    end
    redis.call('PUBLISH', ALL, 'N' .. pack({folded, value}))
end

-- An entry as the log holds it: names and values in turn, always these and in this order.
local ID, TIME, BY, KIND, SENDER, CONTENT, META, CID, RE, OF, WORD = 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22

local function entry_at(seq)
    local items = redis.call('XRANGE', LOG, text(seq) .. '-0', text(seq) .. '-0')
    return items[1] and items[1][2]
end

local function erased_at(seq)
    local packed = redis.call('ZRANGEBYSCORE', ERASED, text(seq), text(seq))[1]
    return packed and unpack_texts(packed)
end

-- As it is published, and as it is kept when its content is gone.
local function record(seq, entry)
    local list = {text(seq)}
    for i = ID, WORD, 2 do
        list[#list + 1] = entry[i]
    end
    return list
end

local function id_at(seq)
    local entry = entry_at(seq)
    if entry then
        return entry[ID]
    end
    local erased = erased_at(seq)
    return erased and erased[2] or ''
end

-- One life of this Redis; a room that lost entries has one of its own. `fresh`: if there is none yet (empty: none is made).
local function epoch(fresh)
    local known = redis.call('HGET', HEAD, 'epoch') or redis.call('GET', ns .. ':epoch')
    if not known then
        if fresh ~= '' then
            redis.call('SET', ns .. ':epoch', fresh)
        end
        known = fresh
    end
    return known
end

-- epoch, name, topic, first, last that may be shown, last
local function head(fresh)
    local h = redis.call('HMGET', HEAD, 'name', 'topic', 'first', 'last', 'committed')
    local last = h[4] or '0'
    return {epoch(fresh), h[1] or '', h[2] or '', h[3] or '1', h[5] or last, last}
end

-- Notes that there is something to read in the room, for those who read every log (a copy of them is searched).
local function changed()
    redis.call('ZADD', ns .. ':changes', redis.call('INCR', ns .. ':change'), room)
end

local function publish(first, seq, entry)
    local list = record(seq, entry)
    table.insert(list, 1, text(first))
    redis.call('PUBLISH', FEED, 'E' .. pack(list))
end

-- Retention: lets go of the oldest up to `bound`, at most `most` of them. Returns what `first` and `bytes` are then.
-- `keep`: count, bytes, horizon (earlier ones go; 0: none), now; empty: no bound.
local function trim(first, last, bound, bytes, keep, most)
    local count, size = tonumber(keep[1]) or NUMBER_MAX, tonumber(keep[2]) or NUMBER_MAX
    local horizon, now = tonumber(keep[3]), tonumber(keep[4])
    local begin = first
    while first <= bound and first - begin < most do
        local over = last - first + 1 > count or bytes > size
        if not over and horizon <= 0 then
            break
        end
        local entry = entry_at(first)
        if not entry then
            local erased = erased_at(first)
            entry = {}
            for i = ID, WORD, 2 do
                entry[i] = erased and erased[i / 2 + 1] or ''
            end
        end
        local time = tonumber(entry[TIME]) or 0
        if not over and time >= horizon then
            break
        end
        bytes = bytes - #entry[SENDER] - #entry[CONTENT] - #entry[META] - 64
        if entry[CID] ~= '' then
            local name = entry[BY] .. entry[CID]
            local known = redis.call('HGET', CIDS, name)
            redis.call('HDEL', CIDS, name)
            if known and time + DAY_US > now then
                redis.call('SET', key('d') .. ':' .. name, known, 'PX', text(math.ceil((time + DAY_US - now) / 1000)))
                redis.call('HSET', HEAD, 'old_cids', '1')
            end
        end
        first = first + 1
    end
    if first > begin then
        redis.call('XTRIM', LOG, 'MINID', text(first) .. '-0')
        redis.call('ZREMRANGEBYSCORE', ERASED, '-inf', text(first - 1))
        redis.call('ZREMRANGEBYSCORE', EDITS, '-inf', text(first - 1))
        redis.call('HSET', HEAD, 'first', text(first), 'bytes', text(bytes))
    end
    return first, bytes
end

-- Everything up to this number may be shown, and is. Without a mark it is shown already: of two nodes, the one that does
-- not wait for replicas may have shown all while the other waited.
local function commit(seq)
    local h = redis.call('HMGET', HEAD, 'first', 'committed')
    local first, committed = tonumber(h[1] or '1'), tonumber(h[2])
    if not committed or seq <= committed then
        return
    end
    redis.call('HSET', HEAD, 'committed', text(seq))
    changed()
    local items = redis.call('XRANGE', LOG, text(committed + 1) .. '-0', text(seq) .. '-0')
    for i = 1, #items do
        local number = tonumber(string.match(items[i][1], '^%d+'))
        if items[i][2][KIND] == 't' then
            redis.call('HSET', HEAD, 'topic', items[i][2][CONTENT])
        end
        publish(first, number, items[i][2])
    end
end
