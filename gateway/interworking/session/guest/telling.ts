import { randomUUID } from 'node:crypto'
import type { SessionMessage, SessionSaid } from '../../../../adapters/contract/index.js'
import type { SessionTexts } from '../../../config/session-texts.js'
import type { Content } from '../../../cpm/message.js'
import { selectServices } from '../../selection.js'
import type { Service } from '../../service.js'
import { createBundle, type Line } from './bundle.js'
import type { GuestContext } from './guest.js'
import { type KeptLine, letterOf } from './kept.js'
import type { GuestRecord } from './record.js'
import { dispositionsOf, type GuestReports, type Spoken } from './reports.js'
import { fill, nameOf } from './texts.js'

/** What others say in the session, as messages to one guest: texts in bundles, all else by itself. */
export interface Telling {
  /** Resolves when it is sent, or stored for later. */
  say(message: SessionMessage): Promise<SessionSaid>
  /** Sends what is kept. */
  flush(): Promise<void>
  close(): void
}

/** After the end of a window, at which a node that lives sends by itself. */
export const LEFT_BEHIND_AFTER_MS = 1_000

/** A line of the bundle. */
interface Told extends Spoken {
  readonly line: string
}

export function createTelling(
  { service, policies, mail, kept, clock, onError }: GuestContext,
  guest: Omit<GuestRecord, 'phase' | 'told'>,
  texts: SessionTexts,
  reports: Pick<GuestReports, 'sent'>,
): Telling {
  const { session, group } = guest
  let reminded: Line<Told> | undefined
  const bundle = createBundle<Told>({
    windowMs: policies.bundle.window,
    maximum: policies.bundle.maximum,
    clock,
    keep: keepLines,
    send: sendLines,
    onError,
  })

  /** If this node is gone by the end of the window, another one sends them, or this one when it is back. */
  async function remind([first]: readonly Line<Told>[]): Promise<void> {
    if (first === undefined || first === reminded) return
    await kept.remind(session, clock.now() + policies.bundle.window + LEFT_BEHIND_AFTER_MS)
    reminded = first
  }

  async function keepLines(lines: readonly Line<Told>[]): Promise<void> {
    await Promise.all([kept.put(session, lines.map(keptLine)), remind(lines)])
  }

  async function sendLines(lines: readonly Line<Told>[], left?: readonly Line<Told>[]): Promise<void> {
    const spoken = lines.map(({ about }) => about)
    const letter = { ...letterOf(session, lines.map(keptLine)), dispositions: dispositionsOf(spoken) }
    const notes = left ? [kept.note(session, left.map(keptLine))] : []
    const [messageId] = await Promise.all([mail.send(guest, { ...letter, notes }), remind(left ?? [])])
    reports.sent(messageId, spoken)
  }

  async function sendAlone(content: Content, name: string, spoken: Told): Promise<void> {
    await bundle.flush()
    const subject = group ? { subject: name } : {}
    reports.sent(await mail.send(guest, { content, dispositions: dispositionsOf([spoken]), ...subject }), [spoken])
  }

  return {
    async say({ messageId, from, privateTo, content, reports: wanted }) {
      const unfit = unfitFor(service, guest, content)
      if (unfit) return { kind: 'refused', reason: unfit, said: `${service.id} cannot carry it` }
      const name = privateTo === undefined ? nameOf(from) : fill(texts, 'alone', { name: nameOf(from) })
      const spoken: Told = { messageId, reports: wanted, line: randomUUID() }
      try {
        if (!isPlain(content)) await sendAlone(content, name, spoken)
        else {
          const isNamed = group !== undefined || privateTo !== undefined
          await bundle.add({ text: isNamed ? saidBy(name, content.text) : content.text, about: spoken })
        }
        return { kind: 'taken' }
      } catch (error) {
        onError(error)
        return { kind: 'refused', reason: 'service-unavailable', said: 'it could not be stored' }
      }
    },
    flush: bundle.flush,
    close: bundle.close,
  }
}

const keptLine = ({ text, about }: Line<Told>): KeptLine => ({ id: about.line, text })

/** Only the first of his lines begins where names stand: the others must not look as if somebody else had said them. */
const saidBy = (name: string, text: string): string =>
  `${name}: ${text.replace(/\r\n|[\n\v\f\r\u0085\u2028\u2029]/g, '\n  ')}`

const isPlain = (content: Content): content is Extract<Content, { text: string }> =>
  'text' in content && /^text\/plain\b/i.test(content.type)

function unfitFor(service: Service, { address }: Pick<GuestRecord, 'address'>, content: Content) {
  const routes = selectServices(new Map([[service.id, service]]), { content }, address, {})
  return typeof routes === 'string' ? routes : undefined
}
