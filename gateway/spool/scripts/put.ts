/**
 * `put()`: an item enters its lane, unless one of its names was put before.
 *
 * ARGV  lane, expiresAt, life of the names (ms), n, n names, notes; text: item as JSON
 * Reply 1 stored, 0 known already
 */
export const PUT = `
local function put()
  local lane, expires, life = arg(), arg(), arg()
  local new = 1
  local own = {}
  for _ = 1, count() do
    local name = prefix .. ':seen:' .. arg()
    if not own[name] and not redis.call('SET', name, 1, 'NX', 'PX', life) then new = 0 end
    own[name] = true
  end
  if new == 1 then
    enter(lane, text(), expires)
    notes()
  end
  return new
end
`
