import { lua } from '../script.js'
import { HOLDER, READER } from './common.js'
import { RECORD } from './reports.js'

/**
 * Looks for an item in a lane, a page at a time.
 *
 * KEYS  prefix
 * ARGV  lane, beginning of the item as JSON up to its id (which may go on with # and a number), where to begin (stream id, or '-'), entries to look at
 * Reply where to go on ('' at the end or when it is found), then if it is found: stream entry, item as JSON, the node that has taken it or '',
 *       times it was handed over
 */
export const LOOK = lua`${READER}${HOLDER}
local lane, beginning, from, most = arg(), arg(), arg(), count()
local stream = prefix .. ':lane:' .. lane
local looked = redis.call('XRANGE', stream, from, '+', 'COUNT', most)
for _, found in ipairs(looked) do
  local entry, item = found[1], found[2][2]
  local after = string.sub(item, #beginning + 1, #beginning + 12)
  if string.sub(item, 1, #beginning) == beginning and (string.find(after, '^"') or string.find(after, '^#%d+"')) then
    local node, times = holder(stream, entry)
    return {'', entry, item, node or '', times or 0}
  end
end
return {#looked == most and '(' .. looked[#looked][1] or ''}
`

/**
 * What is known of a message with a service.
 *
 * KEYS  prefix
 * ARGV  its identity as JSON
 * Reply scope and first key (or '') as JSON, letter of its state, context as JSON or ''; nothing when it is not known
 */
export const SENT = lua`${READER}${RECORD}
local found = redis.call('GET', prefix .. ':record:' .. arg())
if not found then return {} end
local names, where = string.match(found, '^([^\n]*)\n(.*)$')
local stored = where and redis.call('GET', where)
if not stored then return {} end
local record = readRecord(stored)
return {names, string.sub(record.state, 1, 1), record.context or ''}
`
