-- Drop entries behind the previous snapshot, but never of the newest ones that clients may resume from (L6).
-- KEYS: head, entries    ARGV: entries to keep
local head = redis.call('HMGET', KEYS[1], 'seq', 'first', 'previous')
if head[1] then
  local first = math.min(tonumber(head[3]), tonumber(head[1]) - tonumber(ARGV[1])) + 1
  if first > tonumber(head[2]) then
    redis.call('XTRIM', KEYS[2], 'MINID', '=', int(first))
    redis.call('HSET', KEYS[1], 'first', int(first))
  end
end
return 1
