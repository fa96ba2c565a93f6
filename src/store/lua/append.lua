-- Appends an entry, or finds a reason not to.
-- → status, then seq, time, id of what is there; first, committed (empty: everything) · or the milliseconds to wait
local name, hash, options, rate = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local keep = {ARGV[7], ARGV[8], ARGV[9], ARGV[10]}
local id, time, by, kind, sender, content, meta, cid, re, of, word = unpack(ARGV, 11, 21)
local now = tonumber(keep[4])
-- k: only if its cid is known · m: may delete what others wrote · w: shown when replicas have it
local known_only = string.find(options, 'k', 1, true)
local moderates = string.find(options, 'm', 1, true)
local waits = string.find(options, 'w', 1, true)

local h = redis.call('HMGET', HEAD, 'last', 'time', 'first', 'bytes', 'old_cids', 'committed')
local last, first, bytes, committed = tonumber(h[1] or '0'), tonumber(h[3] or '1'), tonumber(h[4] or '0'), h[6]

local function known_cid()
    if cid == '' then
        return nil
    end
    local known = redis.call('HGET', CIDS, by .. cid)
    if not known and h[5] then
        known = redis.call('GET', key('d') .. ':' .. by .. cid)
        if known and tonumber(string.match(known, '^%S+ %S+ (%S+)')) + DAY_US <= now then
            known = nil
        end
    end
    return known
end

-- Milliseconds until one more is welcome.
local RATE_MS = 59000
local rate_key, clock_ms = nil, 0
local function too_many()
    if rate <= 0 then
        return 0
    end
    rate_key = ns .. ':q:' .. string.gsub(by, '.', function(c) return string.format('%02x', string.byte(c)) end)
    local clock = redis.call('TIME')
    clock_ms = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
    local oldest = redis.call('LINDEX', rate_key, text(-rate))
    local wait = oldest and tonumber(oldest) + RATE_MS - clock_ms or 0
    return wait > 0 and wait or 0
end

local function erase(seq)
    local entry = entry_at(seq)
    if entry then
        bytes = bytes - #entry[CONTENT] - #entry[META]
        entry[CONTENT], entry[META] = '', ''
        redis.call('ZADD', ERASED, text(seq), pack(record(seq, entry)))
        redis.call('XDEL', LOG, text(seq) .. '-0')
    end
end

local known = known_cid()
if known then
    local known_hash, seq, known_time, known_id = string.match(known, '^(%S+) (%S+) (%S+) (%S+)')
    if known_hash ~= hash then
        return {'reused'}
    end
    if committed and not waits and tonumber(seq) > tonumber(committed) then
        commit(last) -- replicas were waited for when it was appended, and are not by who says it again
        redis.call('HDEL', HEAD, 'committed')
        committed = nil
    end
    return {'known', seq, known_time, known_id, text(first), committed or ''}
end
if known_only then
    return {'limited', '0'}
end
local target = nil
if kind == 'e' or kind == 'd' or kind == 'a' or kind == 'r' then
    target = tonumber(of) <= NUMBER_MAX and entry_at(tonumber(of))
    if not target or target[KIND] ~= 'm' then
        return {'missing'}
    end
    if target[BY] ~= by and (kind == 'e' or kind == 'd' and not moderates) then
        return {'forbidden'}
    end
end
local wait = too_many()
if wait > 0 then
    return {'limited', text(wait)}
end

local seq = last + 1
if tonumber(h[2] or '0') > tonumber(time) then
    time = h[2]
end
local entry = {'id', id, 'time', time, 'by', by, 'kind', kind, 'sender', sender, 'content', content,
               'meta', meta, 'cid', cid, 're', re, 'of', of, 'word', word}
redis.call('XADD', LOG, text(seq) .. '-0', unpack(entry))
if rate_key then
    redis.call('RPUSH', rate_key, text(clock_ms))
    redis.call('LTRIM', rate_key, text(-rate), '-1')
    redis.call('PEXPIRE', rate_key, RATE_MS)
end
if last == 0 then
    redis.call('HSET', HEAD, 'name', name, 'first', '1')
    local list = string.find(room, '^[@$]') and ':hidden' or ':rooms'
    redis.call('ZADD', ns .. list, '0', room)
end
if cid ~= '' then
    redis.call('HSET', CIDS, by .. cid, table.concat({hash, text(seq), time, id}, ' '))
end
bytes = bytes + #sender + #content + #meta + 64
if kind == 'd' then
    erase(tonumber(of))
    for _, edit in ipairs(redis.call('ZRANGEBYSCORE', EDITS, of, of)) do
        erase(tonumber(edit))
    end
elseif kind == 'e' then
    redis.call('ZADD', EDITS, of, text(seq))
elseif kind == 't' and not waits then
    redis.call('HSET', HEAD, 'topic', content)
end
redis.call('HSET', HEAD, 'last', text(seq), 'time', time, 'bytes', text(bytes))
if waits and not committed then
    committed = text(last)
    redis.call('HSET', HEAD, 'committed', committed)
elseif committed and not waits then
    commit(last)
    redis.call('HDEL', HEAD, 'committed')
    committed = nil
end
local bound = committed and tonumber(committed) or seq
first, bytes = trim(first, seq, bound, bytes, keep, 256)
if not waits then
    changed()
    publish(first, seq, entry)
end
return {'new', text(seq), time, id, text(first), committed or ''}
