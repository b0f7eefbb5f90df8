-- The head of a room and its time now. A clock that has jumped back is noted, so that time goes on (L9).
-- KEYS: head    ARGV: skew    Answers {seq, chain, at, now}, or false without such a room.
local head = redis.call('HMGET', KEYS[1], 'seq', 'chain', 'at', 'offset')
if not head[1] then
  return false
end
local now, offset = log_time(ARGV[1], head[4], head[3])
if int(offset) ~= head[4] then
  redis.call('HSET', KEYS[1], 'offset', int(offset))
end
return {head[1], head[2], head[3], int(now)}
