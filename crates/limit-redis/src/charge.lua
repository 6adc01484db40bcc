-- Counts one request by GCRA. KEYS[1] is the client: its value is the theoretical arrival time of its next request, in
-- microseconds since 1970. ARGV[1] is the quota, ARGV[2] its period in microseconds.
-- Returns: requests left; microseconds until the whole quota is available; microseconds until one request is, or -1.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local quota = tonumber(ARGV[1])
local interval = math.floor(tonumber(ARGV[2]) / quota)
local whole = interval * quota
local arrival = tonumber(redis.call('GET', KEYS[1])) or 0
arrival = math.min(math.max(arrival, now), now + whole)
local after = arrival + interval
local used = after - now
if used > whole then
  return {0, arrival - now, used - whole}
end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil(used / 1000))
return {math.floor((whole - used) / interval), used, -1}
