/** `readRecord(text)` takes a record apart; of one that has ended only the state is there. */
export const RECORD = `
local function readRecord(text)
  local lines, from = {}, 1
  for number = 1, 8 do
    local at = string.find(text, '\\n', from, true)
    if not at then return {state = text, wanted = ''} end
    lines[number] = string.sub(text, from, at - 1)
    from = at + 1
  end
  return {
    state = lines[1], ends = lines[2], wanted = lines[3], lane = lines[4], names = lines[5], id = lines[6],
    name = lines[7], middle = lines[8], context = string.sub(text, from),
  }
end
`

/**
 * Reports and the records they belong to, for the scripts that include it (after READER, ENTER and RECORD).
 *
 * A record is text in lines, made by `record.ts` and passed on here as far as possible without looking into it:
 *   state, end of life (ms since 1970), wanted states, report lane, names as JSON, identity as JSON, name, middle of the
 *   item of a report, context as JSON.
 * Of the state the first letter is what the message has come to, the second `t` when interim was told, the third `r` when
 * displayed was, then one letter for each part: d(elivered), f(ailed), e(rror) or `-`. Once nothing new can come, only the
 * state is kept.
 *
 * It lies under the key of its part. When it has several keys, or none, it lies under a name of its own, and each key has
 * `>`, number of the part, blank, name. Under its identity one finds its scope and first key as JSON, newline, where it lies.
 *
 * `store(scope, name, parts, id, found, record, life)` writes all this; parts are {key, number}.
 * `apply(report, now)` answers matched, repeated or contradiction, and false when no record is known. A report has
 *   o scope  s state  j itself as JSON  k keys  v converted keys  a addresses
 */
export const REPORTS = `
-- How long a record is kept to recognise repetitions, once nothing new can come.
local REPEAT_LIFE = 600000

local function sentKey(scope, key) return prefix .. ':sent:' .. scope .. ':' .. key end
local function namedKey(name) return prefix .. ':named:' .. name end
local function recordKey(id) return prefix .. ':record:' .. id end

local function store(scope, name, parts, id, found, record, life)
  local where = #parts == 1 and sentKey(scope, parts[1].key) or namedKey(name)
  redis.call('SET', where, record, 'PX', life)
  redis.call('SET', recordKey(id), found .. '\\n' .. where, 'PX', life)
  if #parts < 2 then return end
  for _, part in ipairs(parts) do
    redis.call('SET', sentKey(scope, part.key), '>' .. part.number .. ' ' .. name, 'PX', life)
  end
end

local function find(scope, key)
  local where, number = sentKey(scope, key), 1
  local found = redis.call('GET', where)
  if found and string.sub(found, 1, 1) == '>' then
    local part, name = string.match(found, '^>(%d+) (.*)$')
    where, number = namedKey(name), tonumber(part)
    found = redis.call('GET', where)
  end
  if not found then return nil end
  local record = readRecord(found)
  record.where, record.scope = where, scope
  return record, number
end

local function partOf(record, number) return string.sub(record.state, 3 + number, 3 + number) end
local function mark(record, place, letter)
  record.state = string.sub(record.state, 1, place - 1) .. letter .. string.sub(record.state, place + 1)
end

local function wants(record, state) return string.find(record.wanted, ',' .. state .. ',', 1, true) ~= nil end

local function knows(record, address)
  for _, known in ipairs(cjson.decode(record.names).addresses) do
    if known == address then return true end
  end
  return false
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
    if candidate and candidate.ends and partOf(candidate, number) == '-' then
      if record and (record.where ~= candidate.where or part ~= number) then return nil end
      record, part = candidate, number
    end
  end
  if not record then return nil end
  for _, address in ipairs(report.a) do
    if knows(record, address) then return record, part end
  end
  return nil
end

local function ends(letter)
  return function(record, part)
    local before = partOf(record, part)
    if before == letter then return 'repeated' end
    if before ~= '-' then return 'contradiction' end
    mark(record, 3 + part, letter)
    if string.sub(record.state, 1, 1) ~= '-' then return 'matched' end
    mark(record, 1, letter)
    return 'matched', true
  end
end

-- Each returns the outcome and whether the message as a whole has now come to this state.
local transitions = {
  interim = function(record, part)
    if string.sub(record.state, 1, 2) ~= '--' or partOf(record, part) ~= '-' then return 'repeated' end
    mark(record, 2, 't')
    return 'matched', true
  end,
  displayed = function(record)
    if string.sub(record.state, 3, 3) == 'r' then return 'repeated' end
    if string.sub(record.state, 1, 1) == 'f' then return 'contradiction' end
    mark(record, 3, 'r')
    return 'matched', true
  end,
  delivered = function(record, part)
    local before = partOf(record, part)
    if before == 'd' then return 'repeated' end
    if before == 'f' then return 'contradiction' end
    mark(record, 3 + part, 'd')
    if string.find(record.state, '[^d]', 4) then return 'matched' end
    mark(record, 1, 'd')
    return 'matched', true
  end,
  failed = ends('f'),
  error = ends('e'),
}

-- After error a delivered may still come, and after delivered a displayed, if somebody wants to know.
local function over(record)
  local state = string.sub(record.state, 1, 1)
  if state == 'f' then return true end
  return state == 'd' and (string.sub(record.state, 3, 3) == 'r' or not wants(record, 'displayed'))
end

local function keep(record, now)
  if not record.ends then
    redis.call('SET', record.where, record.state, 'PX', REPEAT_LIFE)
    return
  end
  local left = math.max(tonumber(record.ends) - now, 1)
  if not over(record) then
    local lines = {
      record.state, record.ends, record.wanted, record.lane, record.names, record.id, record.name, record.middle,
      record.context,
    }
    redis.call('SET', record.where, table.concat(lines, '\\n'), 'PX', left)
    return
  end
  local life = math.min(left, REPEAT_LIFE)
  redis.call('SET', record.where, record.state, 'PX', life)
  redis.call('PEXPIRE', recordKey(record.id), life)
  if string.sub(record.names, 1, 10) == '{"keys":[]' then return end
  for _, key in ipairs(cjson.decode(record.names).keys) do redis.call('PEXPIRE', sentKey(record.scope, key), life) end
end

local function reportItem(record, report, now)
  return '{"id":' .. string.sub(record.id, 1, -2) .. '.' .. record.name .. '.' .. report.s .. record.middle
    .. record.context .. ',"state":"' .. report.s .. '","report":' .. report.j .. '},"acceptedAt":' .. now .. '}'
end

local function apply(report, now)
  local record, part = believable(report)
  if not record then return false end
  local outcome, told = transitions[report.s](record, part)
  if outcome == 'matched' then
    if told and wants(record, report.s) then enter(record.lane, reportItem(record, report, now), record.ends) end
    keep(record, now)
  end
  return outcome
end
`
