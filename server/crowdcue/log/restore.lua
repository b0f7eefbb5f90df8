-- Put a vanished room back from a replica's snapshot, only if absent (L3). Answers 1 if it did.
-- KEYS: head, entries, producers, snapshot, plays    ARGV: seq, chain, last play, data, at
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5])  -- what a partial loss may have left
redis.call('HSET', KEYS[4], 'seq', ARGV[1], 'chain', ARGV[2], 'plays', ARGV[3], 'data', ARGV[4])
redis.call('HSET', KEYS[1], 'seq', ARGV[1], 'chain', ARGV[2], 'at', ARGV[5], 'offset', '0',
  'first', int(tonumber(ARGV[1]) + 1), 'previous', ARGV[1])
return 1
