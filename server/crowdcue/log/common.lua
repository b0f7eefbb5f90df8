-- Prepended to every script: whole numbers as text, and the log's time (L9; the same rule as in clock.py).

local CLOCK_SLACK = 1000

local function int(number)
  return string.format('%.0f', number)
end

-- The time now and the offset to keep, in ms. `skew` is 0 outside tests, which make the clock jump with it.
local function log_time(skew, offset, last)
  local time = redis.call('TIME')
  local clock = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(skew)
  local now = clock + tonumber(offset)
  last = tonumber(last)
  if now < last - CLOCK_SLACK then
    return last, last - clock
  end
  return math.max(now, last), tonumber(offset)
end

