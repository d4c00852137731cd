import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Mmsc, mediaOf, type Submitted, startMmsc } from '../../adapters/mms-mm7/simulator/index.js'
import { SMALL_PICTURE } from './picture.js'

/**
 * An MMSC that may be killed at any moment and forgets nothing: every message taken, every report and every delivery
 * acknowledged is in its journal before anything else follows. Messages with a report wanted are retrieved and read; each is
 * answered by the handset with `re: `, its text and a picture. The text of a message whose picture did not come whole is noted as damaged.
 *
 * Journal, one line each: `S <id> <ms since 1970> <registered> <from> <to> <text>` taken; `R <id>` report acknowledged; `M <id>` answer
 * of the handset acknowledged; `X <id>` answer of the handset refused for good.
 */
interface Entry {
  readonly id: string
  readonly at: number
  readonly registered: boolean
  readonly from: string
  readonly to: string
  readonly text: string
}

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    journal: { type: 'string', default: '' },
    vasp: { type: 'string', default: '' },
  },
})

const note = (line: string): void => appendFileSync(values.journal, `${line}\n`)

function recall(): { readonly entries: readonly Entry[]; readonly done: ReadonlySet<string> } {
  const lines = existsSync(values.journal) ? readFileSync(values.journal, 'utf8').split('\n').slice(0, -1) : []
  const entries = lines
    .filter((line) => line.startsWith('S '))
    .map((line) => {
      const [, id = '', at, registered = '', from = '', to = '', ...text] = line.split(' ')
      return { id, at: Number(at), registered: registered !== '0', from, to, text: text.join(' ') }
    })
  return { entries, done: new Set(lines.map((line) => line.replace(/^X/, 'M'))) }
}

function entryOf({ id, from, to: [to = ''], deliveryReport, text, parts }: Submitted): Entry {
  const [media] = mediaOf(parts)
  const whole = media !== undefined && SMALL_PICTURE.octets.equals(media.octets)
  return { id, at: Date.now(), registered: deliveryReport, from, to, text: whole ? text : `${text} damaged` }
}

/** What follows a message, but for what has been acknowledged before. */
async function follow(mmsc: Mmsc, entry: Entry, done: ReadonlySet<string>): Promise<void> {
  const { id, at, registered, from, to, text } = entry
  const report = async (): Promise<void> => {
    if (!registered || done.has(`R ${id}`)) return
    await mmsc.report(entry, to, { kind: 'delivery', status: 'Retrieved' })
    note(`R ${id}`)
  }
  const reply = async (): Promise<void> => {
    if (done.has(`M ${id}`)) return
    const parts = [{ type: SMALL_PICTURE.type, name: SMALL_PICTURE.name, octets: SMALL_PICTURE.octets }]
    // The same transaction after a restart: the gateway may have it already.
    const again = { transactionId: `M${id}`, sentAt: at }
    const status = await mmsc.deliver({ from: to, to: from, text: `re: ${text}`, parts, ...again })
    note(`${status < 2000 ? 'M' : 'X'} ${id}`)
  }
  await Promise.all([report(), reply()])
}

const { entries, done } = recall()
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
  note(`S ${entry.id} ${entry.at} ${entry.registered ? 1 : 0} ${entry.from} ${entry.to} ${entry.text}`)
  void follow(mmsc, entry, done)
})
for (const entry of entries) void follow(mmsc, entry, done)
console.log(JSON.stringify({ event: 'listening', port: mmsc.port }))
