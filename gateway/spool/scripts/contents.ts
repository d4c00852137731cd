import { lua } from '../script.js'
import { READER } from './common.js'

/**
 * Keeps a content, unless there is no room; those whose time is over make room first. Redis forgets the octets by itself.
 *
 * KEYS  prefix
 * ARGV  now (ms), id, media type, file name or '', octets, life (ms), octets of all contents at most
 * Reply 1 kept, 0 no room
 */
export const KEEP_CONTENT = lua`${READER}
local MOST_SWEPT = 1000
local now, id, type, name, octets, life, quota = count(), arg(), arg(), arg(), arg(), count(), count()
local ends, sizes = prefix .. ':contents', prefix .. ':contents:sizes'
local total = tonumber(redis.call('HGET', sizes, '') or '0')

local function forget(other)
  total = total - tonumber(redis.call('HGET', sizes, other) or '0')
  redis.call('HDEL', sizes, other)
  redis.call('ZREM', ends, other)
end

for _, over in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, MOST_SWEPT)) do forget(over) end
forget(id)
local kept = total + #octets <= quota
local key = prefix .. ':content:' .. id
if kept then
  redis.call('HSET', key, 't', type, 'n', name, 'o', octets)
  redis.call('PEXPIRE', key, life)
  redis.call('ZADD', ends, now + life, id)
  redis.call('HSET', sizes, id, #octets)
  total = total + #octets
else
  redis.call('DEL', key)
end
redis.call('HSET', sizes, '', total)
return kept and 1 or 0
`
