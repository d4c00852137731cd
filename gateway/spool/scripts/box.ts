import { lua } from '../script.js'
import { READER } from './common.js'

/** Keys of one box: `entries` id → entry as JSON, `order:<folder>` id by number, `octets` and `last` number. */
const BOX = `
local owner = arg()
local box = prefix .. ':box:' .. owner
local function drop(id)
  local entry = redis.call('HGET', box .. ':entries', id)
  if not entry then return 0 end
  redis.call('HDEL', box .. ':entries', id)
  redis.call('ZREM', box .. ':order:deferred', id)
  redis.call('ZREM', box .. ':order:stored', id)
  redis.call('ZREM', prefix .. ':boxes:expiry', owner .. '\\0' .. id)
  if redis.call('HLEN', box .. ':entries') == 0 then
    redis.call('DEL', box .. ':octets', box .. ':last')
  else
    redis.call('DECRBY', box .. ':octets', #entry)
  end
  return 1
end
`

/**
 * Keeps an entry.
 *
 * ARGV  owner, id, folder, entry, expiresAt, what it is the same by, how long that is recognised (ms), most entries, most octets
 * Reply 1 kept, 2 known already, 3 another one has the id, 0 the box is full
 */
export const BOX_PUT = lua`${READER}${BOX}
local id, folder, entry, expires, same, life = arg(), arg(), arg(), arg(), arg(), arg()
local entries, octets = count(), count()
local seen = prefix .. ':seen:box:' .. owner .. ':' .. same
if redis.call('EXISTS', seen) == 1 then return 2 end
if redis.call('HEXISTS', box .. ':entries', id) == 1 then return 3 end
local used = tonumber(redis.call('GET', box .. ':octets') or '0')
if redis.call('HLEN', box .. ':entries') >= entries or used + #entry > octets then return 0 end
redis.call('SET', seen, 1, 'PX', life)
redis.call('HSET', box .. ':entries', id, entry)
redis.call('ZADD', box .. ':order:' .. folder, redis.call('INCR', box .. ':last'), id)
redis.call('INCRBY', box .. ':octets', #entry)
redis.call('ZADD', prefix .. ':boxes:expiry', expires, owner .. '\0' .. id)
return 1
`

/**
 * Removes entries.
 *
 * ARGV  owner, ids
 * Reply how many were there
 */
export const BOX_REMOVE = lua`${READER}${BOX}
local removed = 0
for _, id in ipairs(list()) do removed = removed + drop(id) end
return removed
`

/**
 * Removes an entry (an empty id: none) and tells the first ones left in a folder.
 *
 * ARGV  owner, id, folder, how many
 * Reply entries, oldest first
 */
export const BOX_NEXT = lua`${READER}${BOX}
local id, folder, most = arg(), arg(), count()
if id ~= '' then drop(id) end
local ids = redis.call('ZRANGE', box .. ':order:' .. folder, 0, most - 1)
if #ids == 0 then return {} end
return redis.call('HMGET', box .. ':entries', unpack(ids))
`

/**
 * Replaces an entry, if it is there: new content, folder and expiry; it keeps its place in the order.
 *
 * ARGV  owner, id, folder, entry, expiresAt (empty: never)
 * Reply 1 done, 0 it is not there
 */
export const BOX_REPLACE = lua`${READER}${BOX}
local id, folder, entry, expires = arg(), arg(), arg(), arg()
local before = redis.call('HGET', box .. ':entries', id)
if not before then return 0 end
local number = redis.call('ZSCORE', box .. ':order:deferred', id) or redis.call('ZSCORE', box .. ':order:stored', id)
redis.call('ZREM', box .. ':order:deferred', id)
redis.call('ZREM', box .. ':order:stored', id)
redis.call('ZADD', box .. ':order:' .. folder, number, id)
redis.call('HSET', box .. ':entries', id, entry)
redis.call('INCRBY', box .. ':octets', #entry - #before)
if expires == '' then
  redis.call('ZREM', prefix .. ':boxes:expiry', owner .. '\0' .. id)
else
  redis.call('ZADD', prefix .. ':boxes:expiry', expires, owner .. '\0' .. id)
end
return 1
`
