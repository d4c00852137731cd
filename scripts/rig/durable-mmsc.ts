import { parseArgs } from 'node:util'
import { type Mmsc, mediaOf, type Submitted, startMmsc } from '../../adapters/mms-mm7/simulator/index.js'
import { openJournal, type Taken } from './journal.js'
import { SMALL_PICTURE } from './picture.js'

/**
 * An MMSC that may be killed at any moment and forgets nothing: every message taken, every report and every delivery
 * acknowledged is in its journal before anything else follows. Messages with a report wanted are retrieved and read; each is
 * answered by the handset with `re: `, its text and a picture. The text of a message whose picture did not come whole is noted as damaged.
 */
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    journal: { type: 'string', default: '' },
    vasp: { type: 'string', default: '' },
  },
})

const { write, flush, taken } = openJournal(values.journal)
function note(line: string): void {
  write(line)
  flush()
}

function entryOf({ id, from, to: [to = ''], deliveryReport, text, parts }: Submitted): Taken {
  const [media] = mediaOf(parts)
  const whole = media !== undefined && SMALL_PICTURE.octets.equals(media.octets)
  const said = whole ? text : `${text} damaged`
  return { id, at: Date.now(), wanted: deliveryReport, from, to, text: said, reported: false, answered: false }
}

/** What follows a message, but for what has been acknowledged before. */
async function follow(mmsc: Mmsc, entry: Taken): Promise<void> {
  const { id, at, from, to, text } = entry
  const report = async (): Promise<void> => {
    if (!entry.wanted || entry.reported) return
    await mmsc.report(entry, to, { kind: 'delivery', status: 'Retrieved' })
    note(`R ${id}`)
  }
  const reply = async (): Promise<void> => {
    if (entry.answered) return
    const parts = [{ type: SMALL_PICTURE.type, name: SMALL_PICTURE.name, octets: SMALL_PICTURE.octets }]
    // The same transaction after a restart: the gateway may have it already.
    const again = { transactionId: `M${id}`, sentAt: at }
    const status = await mmsc.deliver({ from: to, to: from, text: `re: ${text}`, parts, ...again })
    note(`${status < 2000 ? 'M' : 'X'} ${id}`)
  }
  await Promise.all([report(), reply()])
}

const entries = taken()
const mmsc = await startMmsc({
  port: Number(values.port),
  vasp: values.vasp,
  firstId: 1 + Math.max(0, ...entries.map(({ id }) => Number(id))),
  parallel: 50,
  retryMs: 200,
  timeoutMs: 5_000,
  keep: 0,
})
// Reports and answers are our own: they have to survive us.
mmsc.decide(() => ({ answer: 1000, reports: [] }))
mmsc.events.on('submit', (submitted) => {
  const entry = entryOf(submitted)
  note(`S ${entry.id} ${entry.at} ${entry.wanted ? 1 : 0} ${entry.from} ${entry.to} ${entry.text}`)
  void follow(mmsc, entry)
})
for (const entry of entries) void follow(mmsc, entry)
console.log(JSON.stringify({ event: 'listening', port: mmsc.port }))
