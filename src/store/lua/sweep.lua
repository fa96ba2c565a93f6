-- Lets go of what a room may not keep any longer, some of it at once.
-- → first before, first, last, whether more is to go
local keep = {ARGV[3], ARGV[4], ARGV[5], ARGV[6]}
local MOST = 500
local h = redis.call('HMGET', HEAD, 'first', 'last', 'committed', 'bytes')
local begin, last = tonumber(h[1] or '1'), tonumber(h[2] or '0')
local bound = h[3] and tonumber(h[3]) or last
local first = trim(begin, last, bound, tonumber(h[4] or '0'), keep, MOST)
if first > begin then
    changed()
    redis.call('PUBLISH', FEED, 'T' .. pack({text(first), text(bound)}))
end
return {text(begin), text(first), text(last), first - begin == MOST and '1' or '0'}
