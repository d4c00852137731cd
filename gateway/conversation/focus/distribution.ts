import type { SessionMessage, SessionSaid } from '../../../adapters/contract/sessions.js'
import { sameParty } from '../../cpm/address.js'
import { writeContent } from '../../cpm/content.js'
import { type Cpim, parseCpim } from '../../cpm/cpim.js'
import type { FailureReason } from '../../cpm/failure.js'
import type { MessageId, Uri } from '../../cpm/ids.js'
import { buildImdn } from '../../cpm/imdn.js'
import { readImdnRequest, writeImdnRequest } from '../../cpm/imdn-headers.js'
import type { Disposition, DispositionRequest } from '../../cpm/message.js'
import { carriesMedia } from '../../interworking/selection.js'
import { addresseeOf } from '../../msrp/chatroom.js'
import { peekCpim } from '../../msrp/cpim-head.js'
import type { IncomingMessage, Verdict } from '../../msrp/incoming.js'
import { buildIsComposing, IS_COMPOSING_TYPE } from '../../msrp/is-composing.js'
import { collect, PipeBroken } from '../../msrp/octet-pipe.js'
import type { Passed } from '../session/recorder.js'
import { createParcel, type Parcel, parcelOf, plainType, withFrom } from './parcel.js'
import type { Endpoint, Participant } from './participant.js'
import type { FocusRecorder } from './recorder.js'
import { bareIdentity } from './records.js'
import type { Roster } from './roster.js'
import { IMDN_TYPE, MESSAGE_STREAM } from './side-endpoint.js'
import type { StreamKey } from './streams.js'

export interface DistributionOptions {
  readonly roster: Roster
  /** Addresses of the session itself: its identity, and the group's. */
  readonly room: readonly Uri[]
  readonly privateMessages: boolean
  /** Octets of a content. */
  readonly maxBytes: number
  /** Media types that he may send; undefined: all (`CPM-CONV-011`). */
  mediaOf(participant: Participant): readonly string[] | undefined
  readonly recorder: FocusRecorder
  readonly now: () => number
}

/** What members say, given to the others (`UP-04`). */
export interface Distribution {
  /** A message on a stream of a member with MSRP. */
  receive(from: Endpoint, key: StreamKey, message: IncomingMessage): Promise<Verdict>
  /** What came with an invitation, for all who are invited; or the status that refuses it. */
  first(from: Participant, cpim: string): Parcel | number
  /** Gives it to all who are in. */
  spread(from: Endpoint, parcel: Parcel): void
  /** What the members have said so far. */
  passed(): Passed
  /** What a member outside CPM says, is about to say, or reports. */
  say(from: Endpoint, message: SessionMessage): SessionSaid
  composing(from: Endpoint, state: 'active' | 'idle'): void
  report(from: Participant, messageId: MessageId, state: 'delivered' | 'displayed' | 'failed'): void
}

/** Who has written a message, for reports that come as nothing but its id. */
interface Author {
  readonly participant: Participant
  readonly sentAt: number
  readonly asked: readonly DispositionRequest[]
}

/** Types that are no message of their own: no policy on media is meant for them. */
const ABOUT_MESSAGES = [IMDN_TYPE, IS_COMPOSING_TYPE]
const HEAD_BYTES = 65_536
/** Messages whose author is remembered. */
const REMEMBERED = 1_000
const REFRESH_S = 120

const WANTED: Readonly<Record<'delivered' | 'displayed' | 'failed', DispositionRequest>> = {
  delivered: 'positive-delivery',
  displayed: 'display',
  failed: 'negative-delivery',
}

/** The switch of one session (RFC 7701 §6): one copy to each endpoint but the one it came from, nobody waits for anybody. */
export function createDistribution(options: DistributionOptions): Distribution {
  const { roster, room, privateMessages, maxBytes, mediaOf, recorder, now } = options
  const authors = new Map<MessageId, Author>()
  const [identity = ''] = room
  const total = { messages: 0, octets: 0 }

  /** The one a message is for; undefined: everybody; a number: what its sender is told. */
  function addressee(cpim: Cpim, type: string): Participant | undefined | number {
    const isRoom = (uri: string): boolean => room.some((own) => sameParty(own, bareIdentity(uri)))
    const to = cpim.to.map((address) => (isRoom(address.uri) ? { uri: identity } : address))
    const wanted = addresseeOf(to, identity)
    switch (wanted.kind) {
      case 'everybody':
        return undefined
      case 'several':
        return 403
      case 'one':
        if (!privateMessages && type !== IMDN_TYPE) return 428
        return roster.shown(wanted.uri) ?? 404
    }
  }

  /** Who writes must be who the member is; one without a name says that he has none. */
  function isOwn({ from }: Cpim, participant: Participant): boolean {
    if (participant.isAnonymous) return true
    return participant.addresses.some((address) => sameParty(address, from.uri))
  }

  function remember(cpim: Cpim, participant: Participant): void {
    const { messageId, dispositions } = readImdnRequest(cpim) ?? { dispositions: [] }
    if (messageId === undefined || dispositions.length === 0) return
    authors.set(messageId, { participant, sentAt: cpim.dateTime ?? now(), asked: dispositions })
    const [oldest] = authors.keys()
    if (authors.size > REMEMBERED && oldest !== undefined) authors.delete(oldest)
  }

  /** Counts what a member says. */
  function count(parcel: Parcel): void {
    recorder.count('message')
    total.messages++
    total.octets += parcel.octets.length
  }

  function spread(key: StreamKey, parcel: Parcel, from?: Endpoint): void {
    const { privateTo } = parcel
    const endpoints = privateTo ? [...privateTo.endpoints] : roster.endpoints()
    for (const endpoint of endpoints) if (endpoint !== from) endpoint.deliver(key, parcel)
  }

  /** Gives the parcel to spread, or the status that refuses the message. */
  async function read(participant: Participant, message: IncomingMessage): Promise<Parcel | number> {
    const head = await peekCpim(message.body)
    if (head.kind === 'fault') return head.fault === 'too-large' ? 413 : 400
    const type = typeOf(head)
    const objection = objectionTo(head, type, participant)
    if (objection !== undefined) return objection
    const to = addressee(head, type)
    if (typeof to === 'number') return to
    const octets = await collect(message.body, maxBytes + HEAD_BYTES)
    if (octets === undefined) return 413
    return toParcel(head, octets, participant, to)
  }

  function objectionTo(head: Cpim, type: string, participant: Participant): number | undefined {
    const media = ABOUT_MESSAGES.includes(type) ? undefined : mediaOf(participant)
    if (media && !carriesMedia(media, type)) return 415
    return isOwn(head, participant) ? undefined : 403
  }

  function toParcel(head: Cpim, octets: Buffer, participant: Participant, to?: Participant): Parcel {
    const type = typeOf(head)
    if (type !== IMDN_TYPE) remember(head, participant)
    const { isAnonymous, entity } = participant
    return createParcel(isAnonymous ? withFrom(octets, entity) : octets, type, participant, to)
  }

  /** An IMDN to who has written a message, about one who has no IMDNs. */
  function notify({ participant, sentAt }: Author, about: Participant, messageId: MessageId, said: Disposition): void {
    const body = buildImdn({ messageId, sentAt, recipient: about.entity, disposition: said })
    const headers = new Map([
      ['content-type', IMDN_TYPE],
      ['content-disposition', 'notification'],
    ])
    const content = { headers, body }
    spread(
      MESSAGE_STREAM,
      parcelOf({ from: about, to: participant.entity, content, sentAt: now(), privateTo: participant }),
    )
  }

  return {
    async receive(from, key, message) {
      try {
        const parcel = await read(from.participant, message)
        if (typeof parcel === 'number') {
          recorder.count('message-refused')
          return { status: parcel }
        }
        count(parcel)
        spread(key, parcel, from)
        return { status: 200 }
      } catch (error) {
        if (error instanceof PipeBroken) return { status: 400 }
        throw error
      }
    },
    first(from, cpim) {
      const head = parseCpim(cpim)
      if (head.kind === 'fault') return 400
      const octets = Buffer.from(cpim)
      const objection = octets.length > maxBytes + HEAD_BYTES ? 413 : objectionTo(head, typeOf(head), from)
      if (objection !== undefined) {
        recorder.count('message-refused')
        return objection
      }
      const parcel = toParcel(head, octets, from)
      count(parcel)
      return parcel
    },
    passed: () => ({ ...total }),
    spread: (from, parcel) => spread(MESSAGE_STREAM, parcel, from),
    say(from, { messageId, content, sentAt, reports, privateTo, from: writer }) {
      const { participant } = from
      const media = mediaOf(participant)
      const octets = 'text' in content ? Buffer.byteLength(content.text) : (content.base64.length * 3) / 4
      if (media && !carriesMedia(media, content.type)) return refused('content-unsupported', media.join(', '))
      if (octets > maxBytes) return refused('too-large', `${maxBytes} octets are taken`)
      const one = privateTo === undefined ? undefined : roster.shown(privateTo)
      if (privateTo !== undefined && !one) return refused('unknown-recipient', 'nobody of that address is there')
      if (one && !privateMessages) return refused('service-unsupported', 'there are no private messages here')
      const dispositions: DispositionRequest[] = [
        ...(reports.delivered ? (['positive-delivery'] as const) : []),
        ...(reports.failed ? (['negative-delivery'] as const) : []),
        ...(reports.displayed ? (['display'] as const) : []),
      ]
      const headers = writeImdnRequest({ messageId, dispositions, recordRoute: [] })
      const known = participant.nickname === undefined && writer.name !== undefined
      const speaker = known ? { ...participant, name: writer.name } : participant
      const parcel = parcelOf({
        from: speaker,
        to: one?.entity ?? identity,
        content: writeContent(content),
        sentAt,
        headers,
        ...(one && { privateTo: one }),
      })
      count(parcel)
      spread(MESSAGE_STREAM, parcel, from)
      return { kind: 'taken' }
    },
    composing(from, state) {
      const headers = new Map([['content-type', IS_COMPOSING_TYPE]])
      const content = { headers, body: buildIsComposing({ state, refreshS: REFRESH_S }) }
      spread(MESSAGE_STREAM, parcelOf({ from: from.participant, to: identity, content, sentAt: now() }), from)
    },
    report(from, messageId, state) {
      const author = authors.get(messageId)
      if (!author?.asked.includes(WANTED[state])) return
      const said: Disposition =
        state === 'displayed' ? { kind: 'display', status: state } : { kind: 'delivery', status: state }
      notify(author, from, messageId, said)
    },
  }
}

const typeOf = ({ content }: Cpim): string => plainType(content.headers.get('content-type') ?? '')

const refused = (reason: FailureReason, said: string): SessionSaid => ({ kind: 'refused', reason, said })
