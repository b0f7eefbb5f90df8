-- Forget a room whole, and leave a tombstone so that no open replica puts it back.
-- KEYS: tombstone, then every part of the room    ARGV: skew, 1 for good    Answers 1.
-- The tombstone holds the time, which restore.lua looks at; a little later Redis drops it by itself.
for index = 2, #KEYS do
  redis.call('UNLINK', KEYS[index])
end
if ARGV[2] == '1' then
  redis.call('SET', KEYS[1], int((log_time(ARGV[1], 0, 0))), 'EX', 2 * 86400)
end
return 1
