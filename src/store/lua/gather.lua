-- The members that these nodes have told of: identity and name in turn.
local most = tonumber(ARGV[3])
local answer = {}
for i = 4, #ARGV do
    local members = redis.call('HGETALL', key('m') .. ':' .. ARGV[i])
    for k = 1, #members do
        if #answer >= 2 * most then
            return answer
        end
        answer[#answer + 1] = members[k]
    end
end
return answer
