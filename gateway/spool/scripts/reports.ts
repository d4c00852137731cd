/**
 * Reports and the records they belong to, for the scripts that include it (after READER and ENTER).
 *
 * A record is packed with MessagePack:
 *   i identity  o scope  g generation (a record may replace another of the same identity)  k keys  n parts that have keys
 *   a addresses  l report lane  w wanted states  c context as JSON  e end of life (ms since 1970, text)
 *   p final state by part  s state told  t interim told  d displayed told
 *
 * `store(record, parts, life)` writes a record and the keys of its parts, each {key, number}.
 * `apply(report, now)` answers matched, repeated or contradiction, and false when no record is known. A report has
 *   o scope  s state  j itself as JSON  k keys  v converted keys  a addresses
 */
export const REPORTS = `
-- How long a record is kept to recognise repetitions, once nothing new can come.
local REPEAT_LIFE = 600000

local function has(list, wanted)
  for _, value in ipairs(list) do if value == wanted then return true end end
  return false
end

local function partKey(scope, key) return prefix .. ':part:' .. scope .. ':' .. key end
local function recordKey(id) return prefix .. ':record:' .. id end

local function store(record, parts, life)
  redis.call('SET', recordKey(record.i), cmsgpack.pack(record), 'PX', life)
  for _, part in ipairs(parts) do
    local value = cmsgpack.pack({record.i, record.g, part.number})
    redis.call('SET', partKey(record.o, part.key), value, 'PX', life)
  end
end

local function find(scope, key)
  local packed = redis.call('GET', partKey(scope, key))
  if not packed then return nil end
  local name = cmsgpack.unpack(packed)
  local stored = redis.call('GET', recordKey(name[1]))
  if not stored then return nil end
  local record = cmsgpack.unpack(stored)
  -- An earlier record of the same message was replaced: its reports say nothing about this one.
  if record.g ~= name[2] then return nil end
  return record, name[3]
end

local function believable(report)
  for _, key in ipairs(report.k) do
    local record, part = find(report.o, key)
    if record then return record, part end
  end
  local record, part
  for _, key in ipairs(report.v) do
    local candidate, number = find(report.o, key)
    -- A part that has its final state awaits nothing: the number is more likely another message's.
    if candidate and not candidate.p[number] then
      if record and (record.i ~= candidate.i or part ~= number) then return nil end
      record, part = candidate, number
    end
  end
  if not record then return nil end
  for _, address in ipairs(report.a) do
    if has(record.a, address) then return record, part end
  end
  return nil
end

local function ends(state)
  return function(record, part)
    local before = record.p[part]
    if before == state then return 'repeated' end
    if before then return 'contradiction' end
    record.p[part] = state
    if record.s then return 'matched' end
    record.s = state
    return 'matched', true
  end
end

-- Each returns the outcome and whether the message as a whole has now come to this state.
local transitions = {
  interim = function(record, part)
    if record.s or record.p[part] or record.t then return 'repeated' end
    record.t = true
    return 'matched', true
  end,
  displayed = function(record)
    if record.d then return 'repeated' end
    if record.s == 'failed' then return 'contradiction' end
    record.d = true
    return 'matched', true
  end,
  delivered = function(record, part)
    local before = record.p[part]
    if before == 'delivered' then return 'repeated' end
    if before == 'failed' then return 'contradiction' end
    record.p[part] = 'delivered'
    for number = 1, record.n do
      if record.p[number] ~= 'delivered' then return 'matched' end
    end
    record.s = 'delivered'
    return 'matched', true
  end,
  failed = ends('failed'),
  error = ends('error'),
}

-- After error a delivered may still come, and after delivered a displayed, if somebody wants to know.
local function over(record)
  if record.s == 'failed' then return true end
  return record.s == 'delivered' and (record.d or not has(record.w, 'displayed'))
end

local function keep(record, now)
  local left = math.max(tonumber(record.e) - now, 1)
  local ended = over(record)
  local life = ended and math.min(left, REPEAT_LIFE) or left
  if ended then record.c = nil end
  redis.call('SET', recordKey(record.i), cmsgpack.pack(record), 'PX', life)
  if life == left then return end
  for _, name in ipairs(record.k) do redis.call('PEXPIRE', partKey(record.o, name), life) end
end

-- context and report are JSON already and go into the item as they are.
local function reportItem(record, report, now)
  local id = record.i .. '.' .. report.s .. '.' .. record.g
  return '{"id":' .. cjson.encode(id) .. ',"lane":' .. cjson.encode(record.l) .. ',"attempts":0,"acceptedAt":' .. now
    .. ',"expiresAt":' .. record.e .. ',"payload":{"recordId":' .. cjson.encode(record.i) .. ',"state":"' .. report.s
    .. '","report":' .. report.j .. ',"context":' .. record.c .. '}}'
end

local function apply(report, now)
  local record, part = believable(report)
  if not record then return false end
  local outcome, told = transitions[report.s](record, part)
  if outcome == 'matched' then
    if told and has(record.w, report.s) then enter(record.l, reportItem(record, report, now), record.e) end
    keep(record, now)
  end
  return outcome
end
`
