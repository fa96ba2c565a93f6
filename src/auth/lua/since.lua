-- What follows a place in the log. KEYS: the records, their log, the channel. ARGV: a position, and how many entries of the
-- log at most, that of the position among them.
--
-- Answers nothing where there is no ledger. Else: its lineage; 1, and the position it was read up to, and then field and
-- record of all that has changed in between, empty where it is gone; or, where the log does not have that position, 0 and
-- where it ends.

local lineage = redis.call('HGET', KEYS[1], 'lineage')
if not lineage then return {} end
local found = redis.call('XRANGE', KEYS[2], ARGV[1], '+', 'COUNT', ARGV[2])
if #found == 0 or found[1][1] ~= ARGV[1] then
    local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
    return {lineage, 0, last[1] and last[1][1] or '0-0'}
end
local answer, seen = {lineage, 1, found[#found][1]}, {}
for i = 2, #found do
    for j = 2, #found[i][2], 2 do
        local field = found[i][2][j]
        if not seen[field] then
            seen[field] = true
            answer[#answer + 1] = field
            answer[#answer + 1] = redis.call('HGET', KEYS[1], field) or ''
        end
    end
end
return answer
