import { lua } from '../script.js'
import { READER } from './common.js'

/**
 * Compare and set of a note.
 *
 * KEYS  prefix
 * ARGV  key, 0 when it must not be there or 1 and the value it must have, 0 to remove it or 1, the new value, its life (ms)
 * Reply 1 done, 0 it has changed since
 */
export const SWAP = lua`${READER}
local key = prefix .. ':note:' .. arg()
local before = false
if arg() == '1' then before = arg() end
if redis.call('GET', key) ~= before then return 0 end
if arg() == '0' then
  redis.call('DEL', key)
else
  redis.call('SET', key, arg(), 'PX', arg())
end
return 1
`
