import { lua } from '../script.js'
import { ENTER, READER } from './common.js'
import { PARKED } from './parked.js'
import { REPORTS } from './reports.js'

/**
 * Applies reports to the records they belong to and queues the items they make; parks those that belong to none.
 *
 * KEYS  prefix
 * ARGV  per report: now (ms), scope, state, report as JSON, n, n keys, n, n converted keys, n, n addresses
 * Reply per report: matched, parked, repeated or contradiction
 */
export const REPORT = lua`${READER}${ENTER}${REPORTS}${PARKED}
local function list()
  local values = {}
  for i = 1, count() do values[i] = arg() end
  return values
end

local replies = {}
while position < #ARGV do
  local now = arg()
  local report = {o = arg(), s = arg(), j = arg(), k = list(), v = list(), a = list()}
  local outcome = apply(report, now)
  if not outcome then
    park(report, now)
    outcome = 'parked'
  end
  replies[#replies + 1] = outcome
end
return replies
`
