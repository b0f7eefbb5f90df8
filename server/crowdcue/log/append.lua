-- One append, whole or not at all (L2): idempotency, seq, time, chain, write, publish. The payload stays opaque.
-- KEYS: head, entries, producers, hints    ARGV: producer, number, payload, skew, publish command
-- Answers {'ok', seq, chain, at, now}, {'none'} without such a room, or {'late', last number}.
local head = redis.call('HMGET', KEYS[1], 'seq', 'chain', 'at', 'offset')
if not head[1] then
  return {'none'}
end
local now, offset = log_time(ARGV[4], head[4], head[3])
local at = int(now)
local known = redis.call('HGET', KEYS[3], ARGV[1])
if known then
  local number, seq, chain, first_at = string.match(known, '^(%d+) (%d+) (%S+) (%d+)$')
  if tonumber(number) == tonumber(ARGV[2]) then
    return {'ok', seq, chain, first_at, at}
  elseif tonumber(number) > tonumber(ARGV[2]) then
    return {'late', number}
  end
end
local seq = int(tonumber(head[1]) + 1)
local fields = head[2] .. '|' .. seq .. '|' .. at .. '|' .. ARGV[1] .. '|' .. ARGV[2] .. '|'
local chain = redis.sha1hex(fields .. ARGV[3])
local entry = table.concat({seq, head[2], chain, at, ARGV[2], #ARGV[1], ARGV[1] .. ARGV[3]}, ' ')
redis.call('XADD', KEYS[2], seq .. '-0', 'e', entry)
redis.call('HSET', KEYS[1], 'seq', seq, 'chain', chain, 'at', at, 'offset', int(offset))
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2] .. ' ' .. seq .. ' ' .. chain .. ' ' .. at)
redis.call(ARGV[5], KEYS[4], entry)
return {'ok', seq, chain, at, at}
