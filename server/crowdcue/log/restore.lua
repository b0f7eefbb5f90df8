-- Put a vanished room back from a replica's snapshot, only if absent (L3) and not deleted. Answers 1 if it did.
-- KEYS: head, entries, producers, snapshot, plays, tombstone
-- ARGV: seq, chain, last play, data, at, skew, for how long (ms) a tombstone counts
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
local deleted = redis.call('GET', KEYS[6])
if deleted and (log_time(ARGV[6], 0, 0)) - tonumber(deleted) < tonumber(ARGV[7]) then
  return 0
end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5])  -- what a partial loss may have left
redis.call('HSET', KEYS[4], 'seq', ARGV[1], 'chain', ARGV[2], 'plays', ARGV[3], 'data', ARGV[4])
redis.call('HSET', KEYS[1], 'seq', ARGV[1], 'chain', ARGV[2], 'at', ARGV[5], 'offset', '0',
  'first', int(tonumber(ARGV[1]) + 1), 'previous', ARGV[1])
return 1
