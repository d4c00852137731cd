/**
 * `take()`: the oldest items of a lane that nobody has taken become this node's.
 *
 * ARGV  lane, node, how many at most
 * Reply as that of XREADGROUP for one stream, an empty list when there are none
 */
export const TAKE = `
local function take()
  local lane, node, most = arg(), arg(), arg()
  return redis.call('XREADGROUP', 'GROUP', 'g', node, 'COUNT', most, 'STREAMS', prefix .. ':lane:' .. lane, '>') or {}
end
`
