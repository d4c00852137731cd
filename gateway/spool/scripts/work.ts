import { UNPACK } from '../packed.js'
import { lua } from '../script.js'
import { ENTER, HOLDER, NOTES, READER, WAITING } from './common.js'
import { PARKED } from './parked.js'
import { PUT } from './put.js'
import { REPORT } from './report.js'
import { RECORD, REPORTS } from './reports.js'
import { VERDICT } from './verdict.js'

/**
 * All that changes the work: puts, verdicts and reports, in the order in which they came. One that fails leaves the others
 * alone.
 *
 * KEYS  prefix
 * ARGV  packed: per operation its name ('put', 'verdict' or 'report') and its arguments
 * Reply per operation its reply, or its error
 */
export const WORK = lua`${UNPACK}${READER}${ENTER}${NOTES}${WAITING}${HOLDER}${RECORD}${REPORTS}${PARKED}${PUT}${VERDICT}${REPORT}
local operations = {put = put, verdict = verdict, report = report}
local replies = {}
depart()
while position < #ARGV do
  local operation, size, long = operations[arg()], arg(), arg()
  local last, lastText = position + size, textsRead + long
  local done, reply = pcall(operation, last)
  replies[#replies + 1] = done and reply or {err = 'ERR ' .. tostring(reply)}
  position, textsRead = last, lastText
end
return replies
`
