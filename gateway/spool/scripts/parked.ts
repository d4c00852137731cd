/**
 * Reports that came before the answer that names their message (after REPORTS): for ten minutes, 10,000 in a scope.
 * One list for each key; a sorted set of the lists by age bounds them.
 *
 * `park(report, now)` keeps a report; `unpark(scope, parts, now)` applies those that have waited for the key of one of these parts.
 */
export const PARKED = `
local PARK_LIFE = 600000
local PARK_MOST = 10000
local PARK_SAME_KEY = 16

local function parkKey(scope, key) return prefix .. ':park:' .. scope .. ':' .. key end
local function parkedKey(scope) return prefix .. ':parked:' .. scope end

-- Whether a scope has parked reports, asked once for all operations of a call.
local anyParked = {}

local function park(report, now)
  local ages = parkedKey(report.o)
  anyParked[report.o] = true
  local packed = cmsgpack.pack(report)
  for _, keys in ipairs({report.k, report.v}) do
    for _, key in ipairs(keys) do
      local list = parkKey(report.o, key)
      redis.call('RPUSH', list, packed)
      redis.call('LTRIM', list, -PARK_SAME_KEY, -1)
      redis.call('PEXPIRE', list, PARK_LIFE)
      redis.call('ZADD', ages, now, list)
    end
  end
  redis.call('ZREMRANGEBYSCORE', ages, '-inf', now - PARK_LIFE)
  local excess = redis.call('ZCARD', ages) - PARK_MOST
  if excess > 0 then
    local oldest = redis.call('ZPOPMIN', ages, excess)
    for i = 1, #oldest, 2 do redis.call('DEL', oldest[i]) end
  end
  redis.call('PEXPIRE', ages, PARK_LIFE)
end

local function forget(report, packed)
  for _, keys in ipairs({report.k, report.v}) do
    for _, key in ipairs(keys) do
      local list = parkKey(report.o, key)
      redis.call('LREM', list, 0, packed)
      if redis.call('EXISTS', list) == 0 then redis.call('ZREM', parkedKey(report.o), list) end
    end
  end
end

local function unpark(scope, parts, now)
  if anyParked[scope] == nil then anyParked[scope] = redis.call('EXISTS', parkedKey(scope)) == 1 end
  if not anyParked[scope] then return end
  for _, part in ipairs(parts) do
    for _, packed in ipairs(redis.call('LRANGE', parkKey(scope, part.key), 0, -1)) do
      local report = cmsgpack.unpack(packed)
      if apply(report, now) then forget(report, packed) end
    end
  end
end
`
