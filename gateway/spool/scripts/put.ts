import { lua } from '../script.js'
import { ENTER, NOTES, READER } from './common.js'

/**
 * Puts items into their lanes, unless one of their names was put before.
 *
 * KEYS  prefix
 * ARGV  per item: lane, item as JSON, expiresAt, life of the names (ms), n, n names, notes
 * Reply per item: 1 stored, 0 known already
 */
export const PUT = lua`${READER}${ENTER}${NOTES}
local replies = {}
while position < #ARGV do
  local lane, item, expires, life = arg(), arg(), arg(), arg()
  local new = 1
  local names = {}
  for i = 1, count() do
    names[i] = prefix .. ':seen:' .. arg()
    if redis.call('EXISTS', names[i]) == 1 then new = 0 end
  end
  for _, name in ipairs(names) do redis.call('SET', name, 1, 'NX', 'PX', life) end
  if new == 1 then
    enter(lane, item, expires)
    notes()
  else
    for _ = 1, 3 * count() do arg() end
  end
  replies[#replies + 1] = new
end
return replies
`
