/**
 * `put()`: an item enters its lane, unless one of its names was put before.
 *
 * ARGV  lane, item as JSON, expiresAt, life of the names (ms), n, n names, notes
 * Reply 1 stored, 0 known already
 */
export const PUT = `
local function put()
  local lane, item, expires, life = arg(), arg(), arg(), arg()
  local new = 1
  local own = {}
  for _ = 1, count() do
    local name = prefix .. ':seen:' .. arg()
    if not own[name] and not redis.call('SET', name, 1, 'NX', 'PX', life) then new = 0 end
    own[name] = true
  end
  if new == 1 then
    enter(lane, item, expires)
    notes()
  else
    for _ = 1, 3 * count() do arg() end
  end
  return new
end
`
