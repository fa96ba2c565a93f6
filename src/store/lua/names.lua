-- A holder of a name whose lease has run out holds nothing.
-- claim: → 1 and what is kept now, or 0 and what stands against it · release: → 1
-- again: a claim by who may have lost it without knowing: a guest who has moved meanwhile stays where they are
local verb, node, folded, who, registered, shown = unpack(ARGV, 3, 8)

local function stays(id)
    return id ~= node and redis.call('EXISTS', ns .. ':node:' .. id) == 1
end

local current = redis.call('HGET', NAMES, folded)
local by, kind, others, name = read_name(current, stays)
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
    local value = name_value(who, registered, holders, shown)
    if value ~= current then
        keep_name(folded, who, registered, holders, shown)
    end
    return {1, value}
end
redis.call('SREM', ns .. ':held:' .. node, folded)
if current and by == who and string.find(current, node, 1, true) then
    keep_name(folded, by, kind, others, name)
end
return {1, ''}
