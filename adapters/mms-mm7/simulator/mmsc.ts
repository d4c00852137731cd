import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { type Clock, systemClock } from '../../../gateway/cpm/clock.js'
import type { Part } from '../wire/part.js'
import { type Asked, createFront } from './front.js'
import { type About, createHandsets, type Report } from './handsets.js'
import { createHeld } from './held.js'
import { type Fate, fateOf } from './magic.js'
import {
  deliverRequest,
  type HandsetMessage,
  readRequest,
  type Submission,
  type Submitted,
  submissionOf,
  textOf,
} from './message.js'
import { type MmscOptions, type MmscSettings, mmscOptionsSchema } from './options.js'
import { createOutbox } from './outbox.js'
import { type Envelope, elements, envelope, faultEnvelope, textAt } from './soap.js'
import { openVasp } from './vasp.js'

export interface MmscEvents {
  submit: [submitted: Submitted]
  cancel: [messageId: string]
  /** What handsets get instead. */
  replace: [submitted: Submitted]
}

/** A simulated MMSC. */
export interface Mmsc {
  readonly port: number
  /** Where the VASP submits. */
  readonly url: string
  readonly events: EventEmitter<MmscEvents>
  /** The last ones, oldest first; at most about `keep`. */
  readonly submits: readonly Submitted[]
  readonly counts: { readonly submits: number; readonly reports: number; readonly delivers: number }
  /** Sends a handset's message; resolves with the StatusCode of the final answer. */
  deliver(message: HandsetMessage): Promise<number>
  /** Reports on a message to one recipient, beside what its fate brings; resolves with the StatusCode of the final answer. */
  report(about: About, recipient: string, report: Report): Promise<number>
  /** Reports and messages the VASP has not taken yet. */
  waiting(): number
  /** Changes settings under way. */
  change(settings: Partial<MmscSettings>): void
  /** Decides the fate of messages from now on; default: the magic numbers. */
  decide(fate: (recipient: string, submission: Submission) => Fate): void
  /** Breaks all connections of the VASP without a word. */
  cut(): void
  stop(): Promise<void>
}

const SUCCESS = 1000
const STATUS_TEXTS: Readonly<Record<number, string>> = { 1000: 'Success', 1100: 'Partial success', 3510: 'Too fast' }
const answering = (answer: Fate['answer'], fault = false): Fate => ({ answer, fault, reports: [] })
/** Stands for what was no MM7. */
const NO_ENVELOPE = { operation: 'SubmitReq', transactionId: '' }
const ONCE_REMEMBERED = 10_000
const ID_DIGITS = 12

/** Starts an MMSC. Resolves when it listens. */
export async function startMmsc(options: MmscOptions = {}, clock: Clock = systemClock): Promise<Mmsc> {
  let settings = mmscOptionsSchema.parse(options)
  const events = new EventEmitter<MmscEvents>()
  const submits: Submitted[] = []
  const counts = { submits: 0, reports: 0, delivers: 0 }
  const seenOnce = new Set<string>()
  let fate: (recipient: string, submission: Submission) => Fate = fateOf
  // Transactions do not come again when the centre restarts: the VASP still knows those of before.
  const run = randomBytes(4).toString('hex')
  let transactions = 0
  let second = 0
  let inSecond = 0

  const vasp = openVasp(() => settings)
  const outbox = createOutbox(
    () => ({ parallel: settings.parallel, open: settings.vasp !== undefined }),
    vasp.offer,
    (run) => clock.after(settings.retryMs, run),
  )
  const asking = () => ({ tongue: settings, transactionId: `${run}-${++transactions}`, at: clock.now() })
  const held = createHeld(() => settings.keep)
  const fetch = held.fetch
  const handsets = createHandsets({ settings: () => settings, counts, clock, outbox, asking, deliver, fetch })

  async function deliver(message: HandsetMessage): Promise<number> {
    counts.delivers += 1
    const written = deliverRequest(asking(), settings.vaspId, message)
    const status = await outbox.put(written)
    return Math.random() < settings.deliverTwice ? outbox.put(written) : status
  }

  const tooFast = (): boolean => {
    if (settings.throttleAbove === 0) return false
    const now = Math.floor(clock.now() / 1000)
    inSecond = now === second ? inSecond + 1 : 1
    second = now
    return inSecond > settings.throttleAbove
  }

  /** What the first recipient's number wants; `once` is over when it has happened. */
  const wanted = (submission: Submission): Fate => {
    const [first = ''] = submission.to
    const found = fate(first, submission)
    if (found.once !== true) return found
    if (seenOnce.has(first)) return { ...found, answer: SUCCESS }
    if (seenOnce.size < ONCE_REMEMBERED) seenOnce.add(first)
    return found
  }

  const breaks = (): boolean => settings.cutAfter > 0 && counts.submits % settings.cutAfter === 0

  /** What stands in the way of a message, whoever it is for. */
  const obstacle = (submission: Submission): number | undefined => {
    const octets = submission.parts.reduce((sum, part) => sum + part.octets.length, 0)
    if (settings.vaspId !== undefined && submission.vaspId !== settings.vaspId) return 4001
    if (submission.to.length === 0) return 2002
    if (settings.maxRecipients > 0 && submission.to.length > settings.maxRecipients) return 3003
    if (settings.maxBytes > 0 && octets > settings.maxBytes) return 2004
    return tooFast() ? 3510 : undefined
  }

  const onSubmit = async (asked: Asked, submission: Submission): Promise<void> => {
    counts.submits += 1
    const id = String(settings.firstId + counts.submits - 1).padStart(ID_DIGITS, '0')
    const inTheWay = breaks() ? 'cut' : obstacle(submission)
    const chosen: Fate = inTheWay === undefined ? wanted(submission) : answering(inTheWay)
    const taken = chosen.answer === SUCCESS || chosen.taken === true
    const submitted: Submitted = { ...submission, id, text: textOf(submission.parts), status: chosen.answer, taken }
    submits.push(submitted)
    if (submits.length > settings.keep * 2) submits.splice(0, submits.length - settings.keep)
    events.emit('submit', submitted)
    if (taken) held.add(submitted)
    const begun = taken ? await handsets.before(submitted, chosen) : undefined
    const answer = (): void => {
      say(asked, submission.envelope, chosen, id)
      if (begun) handsets.after(submitted, (recipient) => fate(recipient, submission), begun)
    }
    if (settings.answerDelayMs === 0) answer()
    else clock.after(settings.answerDelayMs, answer)
  }

  const say = (
    asked: Asked,
    { transactionId, operation }: Pick<Envelope, 'transactionId' | 'operation'>,
    { answer, fault }: Fate,
    id: string,
  ): void => {
    const status = typeof answer === 'number' ? answer : SUCCESS
    const element = elements(settings)
    const inside = element(
      'Status',
      element('StatusCode', String(status)) + element('StatusText', STATUS_TEXTS[status] ?? 'Refused'),
      true,
    )
    const named = inside + element('MessageID', status < 2000 && operation === 'SubmitReq' ? id : undefined)
    const xml = envelope(settings, transactionId, operation.replace(/Req$/, 'Rsp'), named)
    if (answer === 'silence') return
    if (answer === 'cut') asked.cut()
    else if (answer === 'half') asked.half(xml)
    else if (answer === 'empty') asked.bare(200)
    else if (answer === 'unavailable') asked.bare(503, { 'retry-after': '1' })
    else if (fault) asked.answer(faultEnvelope(settings, transactionId, inside), 500)
    else asked.answer(xml)
  }

  const cancel = (id: string): boolean => {
    const cancelled = held.cancel(id)
    if (cancelled === undefined) return false
    events.emit('cancel', id)
    if (!cancelled.deliveryReport) return true
    for (const recipient of cancelled.to) {
      handsets.tell(cancelled, recipient, { kind: 'delivery', status: 'Cancelled' }).catch(() => undefined) // the centre has stopped
    }
    return true
  }

  const replace = (id: string, parts: readonly Part[]): boolean => {
    const replaced = held.replace(id, parts)
    if (replaced !== undefined) events.emit('replace', replaced)
    return replaced !== undefined
  }

  /** Recall and replacement: of what no handset has fetched, they succeed. */
  const onOther = (asked: Asked, soap: Envelope, parts: readonly Part[]): void => {
    const id = textAt(soap.content, 'MessageID')
    const answerWith = (done: boolean): void => say(asked, soap, answering(done ? SUCCESS : 2005), id)
    if (soap.operation === 'CancelReq') answerWith(cancel(id))
    else if (soap.operation === 'ReplaceReq') answerWith(replace(id, parts))
    else say(asked, soap, answering(4003, true), '')
  }

  const onAsked = (asked: Asked): void => {
    try {
      const { soap, parts } = readRequest(asked.type, asked.body)
      if (soap.operation !== 'SubmitReq') onOther(asked, soap, parts)
      else onSubmit(asked, submissionOf(soap, parts)).catch(() => asked.cut()) // the centre has stopped
    } catch {
      say(asked, NO_ENVELOPE, answering(2007, true), '')
    }
  }

  const server = createFront(() => settings, onAsked)
  server.listen(settings.port, settings.host)
  await once(server, 'listening')
  const bound = server.address()
  const port = typeof bound === 'object' && bound ? bound.port : settings.port

  return {
    port,
    url: `${settings.cert === undefined ? 'http' : 'https'}://${settings.host}:${port}${settings.path}`,
    events,
    submits,
    counts,
    deliver,
    report: handsets.tell,
    waiting: outbox.waiting,
    change(next) {
      settings = { ...settings, ...next }
      outbox.pump()
    },
    decide(next) {
      fate = next
    },
    cut: () => server.closeAllConnections(),
    async stop() {
      outbox.close()
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
      vasp.close()
    },
  }
}
