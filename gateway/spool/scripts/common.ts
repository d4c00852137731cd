/**
 * Beginning of every batch script: ARGV holds the operations one after the other, and `arg()` reads on. Numbers of
 * things that follow come before them; `list()` reads such a number and the things.
 */
export const READER = `
local prefix = KEYS[1]
local position = 0
local function arg()
  position = position + 1
  return ARGV[position]
end
local function count() return tonumber(arg()) end
local function list()
  local values = {}
  for i = 1, count() do values[i] = arg() end
  return values
end
`

/** `enter(lane, item, expiresAt)`: an item as JSON becomes the last of its lane. */
export const ENTER = `
local entered = {}
local function enter(lane, item, expires)
  if not entered[lane] then
    redis.call('SADD', prefix .. ':lanes', lane)
    entered[lane] = true
  end
  redis.call('XADD', prefix .. ':lane:' .. lane, '*', 'i', item, 'x', expires)
end
`

/** `notes()`: reads n, then n times key, value, life (ms), and keeps them. */
export const NOTES = `
local function notes()
  for _ = 1, count() do
    local key, value, life = arg(), arg(), arg()
    redis.call('SET', prefix .. ':note:' .. key, value, 'PX', life)
  end
end
`

/**
 * `known(lane, id, job)` remembers that an item waits in BullMQ; `released(…, life)` takes it from there, true for
 * the first caller only, and for as long (ms) as its job may still come. A job may come back before its verdict is written: then the mark alone decides.
 */
export const WAITING = `
local function known(lane, id, job)
  if redis.call('EXISTS', prefix .. ':back:' .. job) == 0 then
    redis.call('ZADD', prefix .. ':waiting:' .. lane, 0, id .. '\\0' .. job)
  end
end
local function released(lane, id, job, life)
  if not redis.call('SET', prefix .. ':back:' .. job, 1, 'NX', 'PX', life) then return false end
  redis.call('ZREM', prefix .. ':waiting:' .. lane, id .. '\\0' .. job)
  return true
end
`

/**
 * `holder(stream, entry)`: the node that has taken an entry and how often it was handed over, nil when none has. A lane that nobody has
 * ever read has no group, and Redis says so by an error.
 */
export const HOLDER = `
local function holder(stream, entry)
  local pending = redis.pcall('XPENDING', stream, 'g', entry, entry, 1)
  if pending.err ~= nil or not pending[1] then return nil end
  return pending[1][2], pending[1][4]
end
`
