import type { Logger } from 'pino'
import type { Clock } from '../../../gateway/cpm/clock.js'
import type { FailureReason } from '../../../gateway/cpm/failure.js'
import { stableId } from '../../../gateway/cpm/identity.js'
import type { MessageId } from '../../../gateway/cpm/ids.js'
import type { XmlElement } from '../../../gateway/cpm/xml.js'
import type {
  Participant,
  ReceiveInvitation,
  SessionAnswer,
  SessionInvitation,
  SessionMessage,
  SessionSaid,
  SessionSide,
} from '../../contract/index.js'
import { type FilePlace, putAll } from '../files/place.js'
import type { Links } from '../links.js'
import { carry } from '../mapping/content.js'
import { deliveryId } from '../mapping/delivery-id.js'
import { errorFor, errorReply, readError } from '../mapping/errors.js'
import type { ReadMessage } from '../mapping/from-message.js'
import { fullJid } from '../mapping/jid.js'
import { type MessageStanza, stanzaId, writeMessage } from '../mapping/to-message.js'
import type { XmppMetrics } from '../metrics.js'
import type { SessionOptions } from '../profile.js'
import type { Incoming, Receiver } from '../receive.js'
import type { Component } from '../stream/component.js'
import { tag } from '../stream/element.js'
import { NS } from '../stream/names.js'

/** What chats and rooms have in common. */

export interface SessionParts {
  readonly options: SessionOptions
  readonly maxBody: number
  readonly place: FilePlace | undefined
  readonly receiveInvitation: ReceiveInvitation | undefined
  /** What is no session is a message by itself. */
  readonly asMessage: Receiver['message']
  readonly links: Links
  readonly home: string
  readonly clock: Clock
  readonly metrics: XmppMetrics
  readonly log: Logger
}

/** Time in which the server must have taken what is said in a session, ms. */
const SAY_WITHIN_MS = 30_000
const NEVER = new AbortController().signal

export type Wording = Pick<MessageStanza, 'from' | 'to' | 'type'> & {
  readonly thread?: string
  readonly reports: boolean
}

/** Writes what CPM says as a stanza; resolves when the server has it. `returned` hears of one that comes back. */
export async function sayTo(
  component: Component,
  message: SessionMessage,
  { reports, ...where }: Wording,
  { clock, maxBody, place }: Pick<SessionParts, 'clock' | 'maxBody' | 'place'>,
  returned?: (error: XmlElement) => void,
): Promise<SessionSaid> {
  const carried = carry(message.content, { maxBody, leftOut: 'note', place })
  if (carried.kind === 'refused') return carried
  const files = await putAll(place, carried.files, component, NEVER)
  if (files === undefined)
    return { kind: 'refused', reason: 'service-unavailable', said: 'a file could not be put anywhere' }
  const links = [...carried.links, ...files]
  const id = stanzaId(message.messageId)
  const [link] = links
  const stanza = writeMessage({
    ...where,
    id,
    body: [...carried.texts, ...links].join('\n'),
    receipt: reports && message.reports.delivered,
    markable: reports && message.reports.displayed,
    ...(link === undefined ? {} : { link }),
  })
  const to = where.to.split('/', 1)[0] ?? where.to
  const taken = await component.deliver({ id, to, stanza, expiresAt: clock.now() + SAY_WITHIN_MS, giveUp: NEVER })
  if (taken.kind === 'taken') return { kind: 'taken' }
  if (taken.kind === 'returned') {
    returned?.(taken.error)
    const { reason, said } = readError(taken.error)
    return { kind: 'refused', reason, said }
  }
  const said = 'said' in taken ? taken.said : taken.kind
  return { kind: 'refused', reason: taken.kind === 'lost' ? 'uncertain' : 'service-unavailable', said }
}

/** What an XMPP user says, for CPM. */
export function heard(
  { from, to }: Pick<Incoming, 'from' | 'to'>,
  read: ReadMessage,
  text: string,
  speaker: Participant,
  clock: Clock,
): SessionMessage {
  const { id } = deliveryId(
    {
      from: fullJid(from),
      to: fullJid(to),
      receipt: false,
      markable: false,
      ...(read.id === undefined ? {} : { stanzaId: read.id }),
    },
    text,
  )
  return {
    messageId: stableId(id) as MessageId,
    from: speaker,
    content: { type: 'text/plain', text },
    sentAt: read.sentAt === undefined ? clock.now() : Math.min(read.sentAt, clock.now()),
    reports: { delivered: read.wantsReceipt, failed: read.wantsReceipt, displayed: read.markable },
  }
}

/** Returns a stanza to its sender. */
export const turnDown = ({ component, stanza }: Incoming, reason: FailureReason, text?: string): boolean =>
  component.tell(errorReply(stanza, errorFor(reason), text))

export const chatState = (state: 'active' | 'idle' | 'gone'): string =>
  tag(state === 'active' ? 'composing' : state === 'idle' ? 'paused' : 'gone', { xmlns: NS.chatStates })

/** What CPM is told of a chat state; undefined when nothing. */
export const composingOf = (state: ReadMessage['chatState']): 'active' | 'idle' | undefined =>
  state === undefined || state === 'gone' ? undefined : state === 'composing' ? 'active' : 'idle'

/** Names of messages under which reports about them come, the latest so many. */
export interface Names<Value> {
  put(name: string, value: Value): void
  get(name: string): Value | undefined
}

const NAMES = 500

export function createNames<Value>(): Names<Value> {
  const known = new Map<string, Value>()
  return {
    put(name, value) {
      known.set(name, value)
      if (known.size <= NAMES) return
      const [oldest] = known.keys()
      if (oldest !== undefined) known.delete(oldest)
    },
    get: (name) => known.get(name),
  }
}

/** One leg of a session: what is at stake when its connection is lost. */
export interface Leg {
  readonly component: Component
  /** What CPM uses. */
  readonly side: SessionSide
  /** Fires when it is over, for whatever reason. */
  readonly ended: AbortSignal
  /** It is over, for both sides. */
  end(reason?: FailureReason): void
}

/**
 * Asks CPM for a session with somebody of XMPP. When he is gone before the answer, the question is taken back, what is accepted all
 * the same is left, and the answer is undefined.
 */
export async function askCpm(
  receive: ReceiveInvitation,
  invitation: SessionInvitation,
  { side, ended }: Pick<Leg, 'side' | 'ended'>,
): Promise<SessionAnswer | undefined> {
  const withdraw = new AbortController()
  const takeBack = () => withdraw.abort()
  ended.addEventListener('abort', takeBack, { once: true })
  const answer = await receive(invitation, side, withdraw.signal)
  ended.removeEventListener('abort', takeBack)
  if (!ended.aborted) return answer
  if (answer.kind === 'accepted') await answer.side.leave()
  return undefined
}

/** The other side may fail; that ends nothing here. */
export const quietly = (what: Promise<unknown>, log: Logger): void => {
  what.catch((error: unknown) => log.warn({ err: error }, 'the other side of a session failed'))
}
