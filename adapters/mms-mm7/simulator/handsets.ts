import type { Clock } from '../../../gateway/cpm/clock.js'
import type { Fate } from './magic.js'
import { type Asking, type HandsetMessage, mediaOf, reportRequest, type Submitted } from './message.js'
import type { MmscSettings } from './options.js'
import type { Outbox } from './outbox.js'

/** What becomes of a message that the centre has taken: handsets retrieve it, read it, and answer. */
export interface Handsets {
  /** A report about a message to one recipient; resolves with the StatusCode of the final answer. */
  tell(about: About, recipient: string, report: Report): Promise<number>
  /** What happens before the answer; tells how many reports are told already. */
  before(submitted: Submitted, fate: Fate): Promise<{ readonly told: number }>
  /** All the rest, of every recipient. */
  after(submitted: Submitted, fate: (recipient: string) => Fate, begun: { readonly told: number }): void
}

export interface HandsetsContext {
  readonly settings: () => MmscSettings
  readonly counts: { reports: number }
  readonly clock: Clock
  readonly outbox: Outbox
  /** Tongue, a new transaction, the time. */
  readonly asking: () => Asking
  deliver(message: HandsetMessage): Promise<number>
  /** The handsets fetch it now: what they get, or undefined when it was cancelled. */
  fetch(submitted: Submitted): Submitted | undefined
}

/** The message a report is about, and who gets it. */
export type About = Pick<Submitted, 'id' | 'from'>

/** MMStatus, and of which kind. */
export interface Report {
  readonly kind: 'delivery' | 'read'
  readonly status: string
}

export function createHandsets(context: HandsetsContext): Handsets {
  const { settings, counts, clock, outbox, asking } = context

  const idInReport = (id: string): string => {
    const { idForm } = settings()
    return idForm === 'digits' ? id : idForm === 'brackets' ? `<${id}>` : `${id}@mmsc.simulated.example`
  }

  const tell = ({ id, from }: About, recipient: string, { kind, status }: Report): Promise<number> => {
    counts.reports += 1
    const told = { messageId: idInReport(id), recipient, sender: from, status }
    return outbox.put(reportRequest(asking(), kind, told))
  }

  /** One after the other, as they happen at a handset. */
  const tellAll = async (submitted: Submitted, recipient: string, reports: readonly Report[]): Promise<void> => {
    for (const report of reports) {
      if (Math.random() < settings().reportLoss) continue
      await tell(submitted, recipient, report)
      if (Math.random() < settings().reportTwice) await tell(submitted, recipient, report)
    }
  }

  const reply = (submitted: Submitted, recipient: string): void => {
    const { reply: words } = settings()
    if (words === undefined) return
    const text = words.replaceAll('$text', submitted.text)
    const { subject, from: to, parts } = submitted
    const message = {
      from: recipient,
      to,
      text,
      parts: mediaOf(parts),
      ...(subject !== '' && { subject: `Re: ${subject}` }),
    }
    context.deliver(message).catch(stopped)
  }

  /** Nothing is ever heard of it: no handset fetches it. */
  const isQuiet = ({ reports, read }: Fate): boolean =>
    reports.length === 0 && read === undefined && settings().reply === undefined

  return {
    tell,
    async before(submitted, fate) {
      const [first] = reportsOf(submitted, fate)
      const [recipient] = submitted.to
      if (fate.reportFirst !== true || first === undefined || recipient === undefined) return { told: 0 }
      await tell(submitted, recipient, first)
      return { told: 1 }
    },
    after(submitted, fate, { told }) {
      const all = (): void => {
        const got = context.fetch(submitted)
        if (got === undefined) return
        for (const [index, recipient] of got.to.entries()) {
          const reports = reportsOf(got, fate(recipient)).slice(index === 0 ? told : 0)
          tellAll(got, recipient, reports).catch(stopped)
          reply(got, recipient)
        }
      }
      if (submitted.to.every((recipient) => isQuiet(fate(recipient)))) return
      const { reportDelayMs } = settings()
      if (reportDelayMs === 0) all()
      else clock.after(reportDelayMs, all)
    },
  }
}

/** The centre has stopped before the VASP took it. */
const stopped = (): void => undefined

/** The reports the sender asked for, in the order they come. */
function reportsOf({ deliveryReport, readReply }: Submitted, fate: Fate): readonly Report[] {
  const deliveries: readonly Report[] = fate.reports.map((status) => ({ kind: 'delivery', status }))
  const reads: readonly Report[] = fate.read === undefined ? [] : [{ kind: 'read', status: fate.read }]
  const [about, read] = [deliveryReport ? deliveries : [], readReply ? reads : []]
  return fate.readFirst ? [...read, ...about] : [...about, ...read]
}
