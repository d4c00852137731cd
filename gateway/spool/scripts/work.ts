import { UNPACK } from '../packed.js'
import { lua } from '../script.js'
import { ENTER, HELD, NOTES, READER, WAITING } from './common.js'
import { PARKED } from './parked.js'
import { PUT } from './put.js'
import { REPORT } from './report.js'
import { REPORTS } from './reports.js'
import { VERDICT } from './verdict.js'

/**
 * All that changes the work: puts, verdicts and reports, in the order in which they came.
 *
 * KEYS  prefix
 * ARGV  packed: per operation its name ('put', 'verdict' or 'report') and its arguments
 * Reply per operation its reply
 */
export const WORK = lua`${UNPACK}${READER}${ENTER}${NOTES}${WAITING}${HELD}${REPORTS}${PARKED}${PUT}${VERDICT}${REPORT}
local operations = {put = put, verdict = verdict, report = report}
local replies = {}
while position < #ARGV do replies[#replies + 1] = operations[arg()]() end
forget()
return replies
`
