import { lua } from '../script.js'
import { READER } from './common.js'

/**
 * Takes what is due; it is due again after the hold, should nobody say what became of it.
 *
 * KEYS  prefix
 * ARGV  now (ms), end of the hold (ms), how many at most
 * Reply when the next one is due ('' when there is none), then the names
 */
export const DUE = lua`${READER}
local key = prefix .. ':reminders'
local now, held, most = arg(), arg(), arg()
local names = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, most)
for _, name in ipairs(names) do redis.call('ZADD', key, held, name) end
local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
table.insert(names, 1, first[2] or '')
return names
`

/**
 * Forgets what was done, unless a new time was set meanwhile.
 *
 * KEYS  prefix
 * ARGV  name, end of its hold (ms)
 * Reply 1 done, 0 it has changed since
 */
export const REMINDED = lua`${READER}
local key = prefix .. ':reminders'
local name, held = arg(), arg()
if tonumber(redis.call('ZSCORE', key, name)) ~= tonumber(held) then return 0 end
return redis.call('ZREM', key, name)
`
