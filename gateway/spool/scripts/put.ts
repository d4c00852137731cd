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
  -- Every name is remembered, also those of a repetition: it may come back under any of them.
  local new = 1
  for _ = 1, count() do
    if not redis.call('SET', prefix .. ':seen:' .. arg(), 1, 'NX', 'PX', life) then new = 0 end
  end
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
