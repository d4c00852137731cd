import { lua } from '../script.js'
import { READER } from './common.js'

/**
 * Takes items out of the middle of a lane because their time is over.
 *
 * KEYS  prefix
 * ARGV  lane, this node, where to begin (stream id, or '' for the first that nobody has taken), entries to look at, now (ms)
 * Reply where to go on ('' at the end), then per item: stream entry, 1, item as JSON
 */
export const SWEEP = lua`${READER}
local lane, node, from, most, now = arg(), arg(), arg(), count(), count()
local stream = prefix .. ':lane:' .. lane

local function lastTaken()
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    for i = 1, #group, 2 do
      if group[i] == 'last-delivered-id' then return group[i + 1] end
    end
  end
  return '0-0'
end

if from == '' then from = '(' .. lastTaken() end
local looked = redis.call('XRANGE', stream, from, '+', 'COUNT', most)
local reply = {''}
for _, found in ipairs(looked) do
  local entry = found[1]
  if tonumber(found[2][4]) <= now and #redis.call('XPENDING', stream, 'g', entry, entry, 1) == 0 then
    redis.call('XCLAIM', stream, 'g', node, 0, entry, 'FORCE')
    for _, value in ipairs({entry, 1, found[2][2]}) do reply[#reply + 1] = value end
  end
end
if #looked == most then reply[1] = '(' .. looked[#looked][1] end
return reply
`
