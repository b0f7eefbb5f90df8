-- A new head at seq 0. Answers its time, or false when there is a room with another birth chain.
-- Asking again with the same birth is fine, so a lost answer can be settled.
-- KEYS: head, tombstone    ARGV: birth chain, skew
local head = redis.call('HMGET', KEYS[1], 'seq', 'chain', 'at')
if head[1] then
  if head[1] == '0' and head[2] == ARGV[1] then
    return head[3]
  end
  return false
end
redis.call('DEL', KEYS[2])
local now = int((log_time(ARGV[2], 0, 0)))
redis.call('HSET', KEYS[1], 'seq', '0', 'chain', ARGV[1], 'at', now, 'offset', '0', 'first', '1', 'previous', '0')
return now
