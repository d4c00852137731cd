import { lua } from '../script.js'
import { READER } from './common.js'

/**
 * Adds an entry to an archive, once and after all others, and drops what is too old or too many.
 *
 * ARGV  owner, id, time, entry, life (ms), most entries, time before which entries go
 * Reply 1 added, 0 it was there
 */
export const ARCHIVE_ADD = lua`${READER}
local owner, id, at, entry, life, most, oldest = arg(), arg(), arg(), arg(), arg(), count(), arg()
local order, entries = prefix .. ':archive:' .. owner .. ':order', prefix .. ':archive:' .. owner .. ':entries'
if redis.call('HSETNX', entries, id, entry) == 0 then return 0 end
local newest = tonumber(redis.call('ZREVRANGE', order, 0, 0, 'WITHSCORES')[2] or '-1')
if newest >= tonumber(at) then at = string.format('%.0f', newest + 1) end
redis.call('ZADD', order, at, id)
local gone = redis.call('ZRANGEBYSCORE', order, '-inf', '(' .. oldest, 'LIMIT', 0, 100)
local surplus = redis.call('ZCARD', order) - #gone - most
if surplus > 0 then
  for _, found in ipairs(redis.call('ZRANGE', order, #gone, #gone + surplus - 1)) do gone[#gone + 1] = found end
end
if #gone > 0 then
  redis.call('ZREM', order, unpack(gone))
  redis.call('HDEL', entries, unpack(gone))
end
redis.call('PEXPIRE', order, life)
redis.call('PEXPIRE', entries, life)
return 1
`
