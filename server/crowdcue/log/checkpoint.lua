-- Snapshot and finished plays, only if newer and of this log's past (L6). Trimming comes later, in trim.lua.
-- KEYS: head, entries, producers, snapshot, plays
-- ARGV: seq, chain, last play, data, cleared, skew, producer ttl, plays to keep, then play and data in turn
-- Answers 1, 0 when refused, or -1 without such a room.
local head = redis.call('HMGET', KEYS[1], 'seq', 'chain', 'at', 'offset')
if not head[1] then
  return -1
end
local previous = redis.call('HGET', KEYS[4], 'seq')
if previous and tonumber(previous) >= tonumber(ARGV[1]) then
  return 0
end
local chain
if head[1] == ARGV[1] then
  chain = head[2]
else
  local id = int(tonumber(ARGV[1]) + 1) .. '-0'
  local found = redis.call('XRANGE', KEYS[2], id, id)
  chain = found[1] and string.match(found[1][2][2], '^%d+ (%S+) ')
end
if chain ~= ARGV[2] then
  return 0  -- a replica that missed a failover must not plant its fork here
end
redis.call('HSET', KEYS[4], 'seq', ARGV[1], 'chain', ARGV[2], 'plays', ARGV[3], 'data', ARGV[4])
redis.call('HSET', KEYS[1], 'previous', previous or '0')
for index = 9, #ARGV, 2 do
  -- Refused for a play that is archived already: ids only rise. That is what is wanted.
  redis.pcall('XADD', KEYS[5], ARGV[index] .. '-0', 'p', ARGV[index + 1])
end
local newest = redis.call('XREVRANGE', KEYS[5], '+', '-', 'COUNT', 1)[1]
if newest then
  local oldest = math.max(tonumber(ARGV[5]), tonumber(string.match(newest[1], '^%d+')) - tonumber(ARGV[8]))
  redis.call('XTRIM', KEYS[5], 'MINID', '=', int(math.max(oldest, 0) + 1))
end
local now = log_time(ARGV[6], head[4], head[3])
local known = redis.call('HGETALL', KEYS[3])
for index = 1, #known, 2 do
  if tonumber(string.match(known[index + 1], '%d+$')) < now - tonumber(ARGV[7]) then
    redis.call('HDEL', KEYS[3], known[index])
  end
end
return 1
