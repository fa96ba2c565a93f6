-- Replicas have everything up to this entry: it may be shown, if it is (still) what was appended.
-- → 1, or 0: the log is another one
local seq, id = tonumber(ARGV[3]), ARGV[4]
if id_at(seq) ~= id then
    return 0
end
commit(seq)
return 1
