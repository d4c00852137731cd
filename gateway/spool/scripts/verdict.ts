/**
 * `verdict()`: the item leaves where it is, and all that follows from it happens in the same step. Whoever comes second
 * for the same item changes nothing. `depart()` comes before all verdicts of a call: what they are about leaves the streams
 * together.
 *
 * ARGV
 *   where it is  lane, 'taken', stream entry; or lane, 'queued', stream entry; or lane, 'waiting', item id, job, time for which that is remembered (ms)
 *   then what follows, any of:
 *   'put', lane, expiresAt; text: item as JSON
 *   'notes', n, n times key, value, life
 *   'failed', reason, now; text: item as JSON
 *   'later', item id, job
 *   'record', scope, name, identity as JSON, scope and first key as JSON, life, now, n, n times key, number of its part;
 *             text: the record
 * Reply 1 applied, 0 the item was no longer there
 */
export const VERDICT = `
local MOST_FAILED = 10000

-- By lane and entry: nobody else was first. What has been settled is in the stream no more.
local there = {}

local function depart()
  for lane, entries in pairs(leaving) do
    local stream = prefix .. ':lane:' .. lane
    local found = {}
    if redis.call('XACK', stream, 'g', unpack(entries)) == #entries then
      redis.call('XDEL', stream, unpack(entries))
      for _, entry in ipairs(entries) do found[entry] = true end
    else
      for _, entry in ipairs(entries) do
        if redis.call('XDEL', stream, entry) == 1 then found[entry] = true end
      end
    end
    there[lane] = found
  end
end

local function leave(lane)
  local where = arg()
  if where == 'waiting' then return released(lane, arg(), arg(), arg()) end
  local entry = arg()
  if where == 'taken' then
    local was = there[lane][entry]
    there[lane][entry] = nil
    return was
  end
  local stream = prefix .. ':lane:' .. lane
  return not holder(stream, entry) and redis.call('XDEL', stream, entry) == 1
end

local follow = {
  put = function() enter(arg(), text(), arg()) end,
  notes = notes,
  failed = function()
    redis.call('XADD', prefix .. ':failed', 'MAXLEN', MOST_FAILED, '*', 'i', text(), 'r', arg(), 't', arg())
  end,
  later = function(lane) known(lane, arg(), arg()) end,
  record = function()
    local scope, name, id, found, life, now = arg(), arg(), arg(), arg(), arg(), arg()
    local parts = {}
    for i = 1, count() do parts[i] = {key = arg(), number = arg()} end
    store(scope, name, parts, id, found, text(), life)
    unpark(scope, parts, now)
  end,
}

local function verdict(last)
  local lane = arg()
  if not leave(lane) then return 0 end
  while position < last do follow[arg()](lane) end
  return 1
end
`
