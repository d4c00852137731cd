import { lua } from '../script.js'
import { READER } from './common.js'

/**
 * Takes over items of a lane that a consumer took and gave no verdict on: all of them when its node is dead or is this
 * one itself, otherwise those it has held too long. A consumer that is dead and has nothing left is removed.
 *
 * KEYS  prefix
 * ARGV  lane, this node, the consumer's node, where to begin (stream id, or '-'), how many at most, hold time (ms),
 *       only those expired at (ms since 1970, or '+inf')
 * Reply where to go on ('' at the end), then per item: stream entry, times handed over with this one, item as JSON
 */
export const CLAIM = lua`${READER}
local lane, node, owner, from, most, hold, deadline = arg(), arg(), arg(), arg(), count(), arg(), count()
local stream = prefix .. ':lane:' .. lane
local dead = redis.call('EXISTS', prefix .. ':alive:' .. owner) == 0
local idle = (dead or owner == node) and 0 or hold

local held = redis.call('XPENDING', stream, 'g', 'IDLE', idle, from, '+', most, owner)
local reply = {''}
for _, pending in ipairs(held) do
  local entry = pending[1]
  local found = redis.call('XRANGE', stream, entry, entry)[1]
  if not found then
    redis.call('XACK', stream, 'g', entry)
  elseif tonumber(found[2][4]) <= deadline then
    redis.call('XCLAIM', stream, 'g', node, 0, entry)
    for _, value in ipairs({entry, pending[4] + 1, found[2][2]}) do reply[#reply + 1] = value end
  end
end
if #held == most then reply[1] = '(' .. held[#held][1] end
if dead and owner ~= node and #redis.call('XPENDING', stream, 'g', '-', '+', 1, owner) == 0 then
  redis.call('XGROUP', 'DELCONSUMER', stream, 'g', owner)
end
return reply
`
