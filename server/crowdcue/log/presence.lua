-- Store one node's report and answer every live node's, in the order of their names.
-- KEYS: here    ARGV: node, report, time to live (ms)
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local ttl = tonumber(ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], int(now + ttl) .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local kept = redis.call('HGETALL', KEYS[1])
local live = {}
for index = 1, #kept, 2 do
  local lapses, report = string.match(kept[index + 1], '^(%d+) (.*)$')
  -- A time far ahead was written before the clock jumped back; it would never lapse.
  if tonumber(lapses) > now and tonumber(lapses) <= now + 2 * ttl then
    live[#live + 1] = {kept[index], report}
  else
    redis.call('HDEL', KEYS[1], kept[index])
  end
end
table.sort(live, function(a, b) return a[1] < b[1] end)
local reports = {}
for index, pair in ipairs(live) do
  reports[index] = pair[2]
end
return reports
