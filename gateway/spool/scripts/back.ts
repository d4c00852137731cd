import { lua } from '../script.js'
import { ENTER, READER, WAITING } from './common.js'

/**
 * Brings an item that waited back to its lane, once.
 *
 * KEYS  prefix
 * ARGV  lane, item id, job, time for which that is remembered (ms), item as JSON, expiresAt
 * Reply 1 it is back now, 0 somebody else has taken it
 */
export const BACK = lua`${READER}${ENTER}${WAITING}
local lane = arg()
if not released(lane, arg(), arg(), arg()) then return 0 end
enter(lane, arg(), arg())
return 1
`
