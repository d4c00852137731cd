import { lua } from '../script.js'
import { ENTER, NOTES, READER, WAITING } from './common.js'
import { PARKED } from './parked.js'
import { REPORTS } from './reports.js'

/**
 * Applies verdicts: the item leaves where it is, and all that follows from it happens in the same step. Whoever comes
 * second for the same item changes nothing.
 *
 * KEYS  prefix
 * ARGV  per verdict, after the number of its arguments:
 *   where it is  lane, 'taken', stream entry; or lane, 'waiting', item id, attempts, job
 *   puts         n, n times lane, item as JSON, expiresAt
 *   notes        n, n times key, value, life
 *   failed       0; or 1, item as JSON, reason, now
 *   later        0; or 1, item id, attempts, job
 *   record       0; or 1, identity, scope, generation, report lane, context as JSON, life, now, number of parts,
 *                n, n wanted states, n, n addresses, n, n times key, number of its part
 * Reply per verdict: 1 applied, 0 the item was no longer there
 */
export const VERDICT = lua`${READER}${ENTER}${NOTES}${WAITING}${REPORTS}${PARKED}
local MOST_FAILED = 10000

local function list()
  local values = {}
  for i = 1, count() do values[i] = arg() end
  return values
end

local function leave()
  local lane, where = arg(), arg()
  if where == 'waiting' then return released(lane, arg(), arg(), arg()) end
  local stream, entry = prefix .. ':lane:' .. lane, arg()
  if redis.call('XACK', stream, 'g', entry) == 0 then return false end
  redis.call('XDEL', stream, entry)
  return true
end

local function puts()
  for _ = 1, count() do enter(arg(), arg(), arg()) end
end

local function failed()
  for _ = 1, count() do
    redis.call('XADD', prefix .. ':failed', 'MAXLEN', MOST_FAILED, '*', 'i', arg(), 'r', arg(), 't', arg())
  end
end

local function later(lane)
  for _ = 1, count() do known(lane, arg(), arg(), arg()) end
end

local function record()
  for _ = 1, count() do
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
  end
end

local replies = {}
while position < #ARGV do
  local size = count()
  local next = position + size
  local lane = ARGV[position + 1]
  if leave() then
    puts()
    notes()
    failed()
    later(lane)
    record()
    replies[#replies + 1] = 1
  else
    replies[#replies + 1] = 0
  end
  position = next
end
return replies
`
