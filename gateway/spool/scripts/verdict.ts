/**
 * `verdict()`: the item leaves where it is, and all that follows from it happens in the same step. Whoever comes second
 * for the same item changes nothing. `forget()` at the end removes what has left from the streams.
 *
 * ARGV  the number of arguments that follow, then
 *   where it is  lane, 'taken', stream entry; or lane, 'queued', stream entry; or lane, 'waiting', item id, job
 *   then what follows, any of:
 *   'put', lane, item as JSON, expiresAt
 *   'notes', n, n times key, value, life
 *   'failed', item as JSON, reason, now
 *   'later', item id, job
 *   'record', identity, scope, generation, report lane, context as JSON, life, now, number of parts,
 *             n, n wanted states, n, n addresses, n, n times key, number of its part
 * Reply 1 applied, 0 the item was no longer there
 */
export const VERDICT = `
local MOST_FAILED = 10000

local left = {}

local function leave(lane)
  local where = arg()
  if where == 'waiting' then return released(lane, arg(), arg()) end
  local entry = arg()
  local stream = prefix .. ':lane:' .. lane
  if where == 'queued' then
    if held(stream, entry) then return false end
    return redis.call('XDEL', stream, entry) == 1
  end
  if redis.call('XACK', stream, 'g', entry) == 0 then return false end
  left[lane] = left[lane] or {}
  table.insert(left[lane], entry)
  return true
end

local follow = {
  put = function() enter(arg(), arg(), arg()) end,
  notes = notes,
  failed = function()
    redis.call('XADD', prefix .. ':failed', 'MAXLEN', MOST_FAILED, '*', 'i', arg(), 'r', arg(), 't', arg())
  end,
  later = function(lane) known(lane, arg(), arg()) end,
  record = function()
    local made = {i = arg(), o = arg(), g = arg(), l = arg(), c = arg(), p = {}, k = {}}
    local life, now = arg(), tonumber(arg())
    made.e = string.format('%d', now + life)
    made.n = count()
    made.w = list()
    made.a = list()
    local parts = {}
    for i = 1, count() do
      parts[i] = {key = arg(), number = count()}
      made.k[i] = parts[i].key
    end
    store(made, parts, life)
    unpark(made.o, made.k, now)
  end,
}

local function verdict()
  local size = count()
  local last = position + size
  local lane = arg()
  local there = leave(lane)
  while there and position < last do follow[arg()](lane) end
  position = last
  return there and 1 or 0
end

local function forget()
  for lane, entries in pairs(left) do redis.call('XDEL', prefix .. ':lane:' .. lane, unpack(entries)) end
end
`
