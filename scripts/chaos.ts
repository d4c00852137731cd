import { parseArgs } from 'node:util'
import { chaos } from './rig/chaos.js'
import type { ChaosResult } from './rig/chaos-account.js'

/** Prints what became of every message. */
function print(result: ChaosResult): void {
  const { duplicatesIn, duplicatesOut } = result
  console.log(`
accepted (202)                    ${result.accepted}
  delivered (receipt to IMDN)     ${result.delivered}
  reported as failed              ${result.reportedFailed}
  taken, and the receipt lost     ${result.receiptsLost}
  LOST                            ${result.lostOut.length}
from handsets, seen by the device ${result.arrivedIn}
  acknowledged and LOST           ${result.lostIn.length}
sent twice to the message centre  ${duplicatesOut.explained + duplicatesOut.unexplained.length}
  an answer was lost in a kill    ${duplicatesOut.explained} (policy uncertain: resend)
  unexplained                     ${duplicatesOut.unexplained.length}
answers of handsets to messages they got twice ${duplicatesIn.answers}
repeated with the same Message-ID ${duplicatesIn.sameId} (the device drops the second)
twice at the device, unexplained  ${duplicatesIn.unexplained.length}
notifications that came twice     ${result.duplicateNotifications}
connections broken                ${result.cuts}
kills                             ${result.kills.map(({ victim }) => victim).join(', ')}
time                              ${result.seconds.toFixed(1)} s`)
  const lost = [...result.lostOut, ...result.lostIn]
  if (lost.length > 0) console.log(`\nlost: ${lost.slice(0, 20).join(' ')}`)
}

const { values } = parseArgs({
  options: {
    service: { type: 'string', default: 'sms' },
    messages: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '12' },
    seed: { type: 'string', default: '1' },
    parallel: { type: 'string', default: '50' },
    'cut-every': { type: 'string', default: '3000' },
  },
})
const { service } = values
if (service !== 'sms' && service !== 'mms' && service !== 'xmpp')
  throw new Error(`expected --service sms, mms or xmpp, found ${service}`)
const result = await chaos({
  service,
  messages: Number(values.messages),
  kills: Number(values.kills),
  seed: Number(values.seed),
  parallel: Number(values.parallel),
  cutEveryMs: Number(values['cut-every']),
  patienceMs: 60_000,
  say: (line) => console.log(line),
})
print(result)
process.exitCode =
  result.lostOut.length +
    result.lostIn.length +
    result.duplicatesOut.unexplained.length +
    result.duplicatesIn.unexplained.length >
  0
    ? 1
    : 0
