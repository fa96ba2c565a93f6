-- Names: "IDENTITY REGISTERED NODE,NODE SHOWN". A holder whose lease has run out holds nothing.
-- claim: → 1 and what is kept now, or 0 and what stands against it · release: → 1
-- again: a claim by who may have lost it without knowing: a guest who has moved meanwhile stays where they are
local verb, node, folded, who, registered, shown = unpack(ARGV, 3, 8)
local NAMES, ALL = ns .. ':names', ns .. ':all'

local function alive(id)
    return redis.call('EXISTS', ns .. ':node:' .. id) == 1
end

local function read(value)
    local holders = {}
    local by, kind, list, name = string.match(value or '', '^(%x+) (%d) (%S+) (.*)$')
    for id in string.gmatch(list or '', '[^,]+') do
        if id ~= node and alive(id) then
            holders[#holders + 1] = id
        end
    end
    return by, kind, holders, name
end

local function keep(by, kind, holders, name)
    local value = ''
    if #holders > 0 then
        value = table.concat({by, kind, table.concat(holders, ','), name}, ' ')
        redis.call('HSET', NAMES, folded, value)
    else
        redis.call('HDEL', NAMES, folded)
    end
    redis.call('PUBLISH', ALL, 'N' .. pack({folded, value}))
    return value
end

local current = redis.call('HGET', NAMES, folded)
local by, kind, others, name = read(current)
if verb ~= 'release' then
    local moved = verb == 'again' and registered == '0'
    if (by ~= who or moved) and #others > 0 then
        return {0, current}
    end
    local holders = {node}
    if registered == '1' and by == who then
        for _, id in ipairs(others) do
            holders[#holders + 1] = id
        end
    end
    table.sort(holders)
    redis.call('SADD', ns .. ':held:' .. node, folded)
    local value = table.concat({who, registered, table.concat(holders, ','), shown}, ' ')
    if value ~= current then
        keep(who, registered, holders, shown)
    end
    return {1, value}
end
redis.call('SREM', ns .. ':held:' .. node, folded)
if current and by == who and string.find(current, node, 1, true) then
    keep(by, kind, others, name)
end
return {1, ''}
