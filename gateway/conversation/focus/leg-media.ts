import { randomInt } from 'node:crypto'
import type { MsrpEndpoint } from '../../msrp/endpoint.js'
import { offersTls } from '../../msrp/listener.js'
import { buildSdp, type Description, type Media, ownSessionLines, parseSdp } from '../../msrp/sdp/description.js'
import { buildMessageStream, type MessageStream, readMessageStream } from '../../msrp/sdp/message-stream.js'
import { acceptAnswer, answerStream, type OwnStream, offerStream } from '../../msrp/sdp/negotiate.js'
import { refusal } from '../../msrp/sdp/streams.js'
import type { MsrpSession, Negotiated, SessionHandlers } from '../../msrp/session.js'
import { samePath } from '../../msrp/wire/uri.js'
import { directionOf, isMixed, type Mixer, mirror, mixedSection } from './mixer.js'
import { kindOf, type OfferedStream, type Slots, type StreamKey } from './streams.js'

/** What the media of all sessions stand on. */
export interface FocusMedia {
  readonly endpoint: Pick<MsrpEndpoint, 'open' | 'fingerprint' | 'addresses' | 'reachable'>
  readonly mixer: Mixer
}

/** What a message stream of ours says of itself in every leg of one session. */
export interface MessageStreamFace {
  /** Octets of a message. */
  readonly maxSize: number
  readonly chatroom: readonly string[]
}

/** A stream that the others are offered; `media` is the section it was first offered with. */
export interface StreamTemplate {
  readonly key: StreamKey
  readonly media: Media
}

/** A message stream as messages are sent on it. */
export interface MessageLink {
  readonly session: MsrpSession
  /** What the member takes. */
  readonly peer: Pick<MessageStream, 'acceptTypes' | 'wrappedTypes' | 'maxSize'>
  /** The member has not switched off receiving. */
  readonly receives: boolean
}

/** The streams of one leg, and the description they are in. */
export interface LegMedia {
  readonly slots: Slots
  keys(): ReadonlySet<StreamKey>
  /** An offer with the leg's own streams but those removed, and with those added (`MED-31`, `MED-32`). Undefined: no MSRP session is free. */
  offer(removed: ReadonlySet<StreamKey>, added: readonly StreamTemplate[]): string | undefined
  /** Takes the answer to the last offer; false when no stream is left, or it is none. */
  answered(answer: string): boolean
  /** The last offer was refused: what it added is not there; what it took away is gone all the same. */
  refused(): void
  /** The answer to an offer of the member; undefined when no stream of it can be had after all. */
  answer(offer: Description, accepted: readonly OfferedStream[]): string | undefined
  /** Offer and answer have been exchanged: connections may be made. */
  start(): void
  message(key: StreamKey): MessageLink | undefined
  /** The member's side of a stream that is not of messages. */
  section(key: StreamKey): Media | undefined
  /** For participant information, as the member sees it. */
  directions(): readonly (readonly [StreamKey, MessageStream['direction']])[]
  close(): void
}

interface Stream {
  readonly local: Media
  readonly session?: MsrpSession
  /** Our side of a message stream, as it was offered. */
  readonly own?: MessageStream
  readonly peer?: MessageStream
  /** The member's side of any other. */
  readonly section?: Media
  readonly negotiated?: Negotiated
  /** Of the member. */
  readonly direction: MessageStream['direction']
}

export const MESSAGE_TYPE = 'message/cpim'
/** A message's CPIM head comes on top of what its content may have. */
const HEAD_BYTES = 65_536

/** Whether we can take part in a stream of such characteristics at all (`MED-33`). */
export function supportsStream({ endpoint, mixer }: FocusMedia, offer: Description, media: Media): boolean {
  if (media.kind !== 'message') return isMixed(mixer, media)
  const stream = readMessageStream(offer, media)
  if (stream === undefined || (stream.secure && endpoint.fingerprint === undefined)) return false
  return stream.acceptTypes.some((type) => type === '*' || type.toLowerCase() === MESSAGE_TYPE)
}

export function createLegMedia(
  { endpoint, mixer }: FocusMedia,
  face: MessageStreamFace,
  handlers: (key: StreamKey) => SessionHandlers,
): LegMedia {
  const id = randomInt(1, 2 ** 47)
  let version = 0
  let sections: readonly Media[] = []
  let slots: Slots = []
  const streams = new Map<StreamKey, Stream>()
  /** The last offer of ours. */
  let pending: { readonly slots: Slots; readonly streams: ReadonlyMap<StreamKey, Stream> } | undefined

  function open(key: StreamKey, secure: boolean): MsrpSession | undefined {
    return endpoint.open(handlers(key), { secure, acceptTypes: [MESSAGE_TYPE], maxSize: face.maxSize + HEAD_BYTES })
  }

  function ownStream(session: MsrpSession): OwnStream {
    const { fingerprint } = endpoint
    return {
      path: session.path,
      acceptTypes: [MESSAGE_TYPE],
      wrappedTypes: ['*'],
      maxSize: face.maxSize,
      chatroom: face.chatroom,
      reachable: endpoint.reachable(session.path[0].secure),
      ...(fingerprint && { fingerprint }),
    }
  }

  function describe(media: readonly Media[]): string {
    const host = endpoint.addresses[0]?.advertised ?? endpoint.addresses[0]?.host ?? '127.0.0.1'
    sections = media
    return buildSdp({ session: ownSessionLines(id, ++version, host), media })
  }

  function offered(key: StreamKey, template: Media): Stream | undefined {
    if (kindOf(key) !== 'message') {
      const local = mixedSection(mixer, template, 'sendrecv')
      return local && { local, direction: 'sendrecv' }
    }
    const session = open(key, offersTls(endpoint.addresses))
    if (session === undefined) return undefined
    const own = offerStream(ownStream(session))
    return { local: buildMessageStream(own), session, own, direction: 'sendrecv' }
  }

  /** The member's stream, answered. A message stream whose path is as it was keeps its connection (RFC 4975 §8.4). */
  function answerOne(offer: Description, { key, media }: OfferedStream): Stream | undefined {
    const direction = directionOf(media)
    if (media.kind !== 'message') {
      const local = mixedSection(mixer, media, mirror(direction))
      return local && { local, direction, section: media }
    }
    const peer = readMessageStream(offer, media)
    if (peer === undefined) return undefined
    const before = streams.get(key)
    const goesOn = before?.session && before.peer && samePath(before.peer.path, peer.path)
    const session = goesOn ? before.session : open(key, peer.secure)
    const answered = session && answerStream(peer, ownStream(session))
    if (!answered) {
      if (!goesOn) session?.close()
      return undefined
    }
    const { answer: own, negotiated } = answered
    return { local: buildMessageStream(own), session, own, peer, direction, ...(!goesOn && { negotiated }) }
  }

  function settle(next: Slots, current: ReadonlyMap<StreamKey, Stream>): void {
    slots = next
    for (const [key, { session }] of [...streams]) {
      const after = current.get(key)
      if (session && after?.session !== session) session.close()
      if (!after) streams.delete(key)
    }
    for (const [key, stream] of current) streams.set(key, stream)
  }

  return {
    get slots() {
      return slots
    },
    keys: () => new Set(streams.keys()),
    offer(removed, added) {
      const next: (StreamKey | undefined)[] = slots.map((key) => (key && removed.has(key) ? undefined : key))
      const media = sections.map((section, index) => (next[index] === undefined ? refusal(section) : section))
      const current = new Map([...streams].filter(([key]) => !removed.has(key)))
      for (const { key, media: template } of added) {
        if (current.has(key)) continue
        const stream = offered(key, template)
        if (!stream) {
          for (const [other, { session }] of current) if (!streams.has(other)) session?.close()
          return undefined
        }
        next.push(key)
        media.push(stream.local)
        current.set(key, stream)
      }
      pending = { slots: next, streams: current }
      return describe(media)
    },
    answered(text) {
      const answer = parseSdp(text)
      if (!pending || !answer || answer.media.length !== pending.slots.length) {
        this.refused()
        return false
      }
      const next: (StreamKey | undefined)[] = []
      const current = new Map<StreamKey, Stream>()
      for (const [index, key] of pending.slots.entries()) {
        const section = answer.media[index]
        const stream = key === undefined ? undefined : pending.streams.get(key)
        const taken = stream && section && section.port > 0 ? take(answer, section, stream) : undefined
        next.push(taken ? key : undefined)
        if (key !== undefined && taken) current.set(key, taken)
        else stream?.session?.close()
      }
      pending = undefined
      settle(next, current)
      return current.size > 0
    },
    refused() {
      if (!pending) return
      const { slots: wanted, streams: offer } = pending
      pending = undefined
      for (const [key, { session }] of offer) if (!streams.has(key)) session?.close()
      // The sections that were added stay in nobody's description: only what both sides know counts.
      sections = sections.slice(0, slots.length)
      const kept = slots.map((key, index) => (wanted[index] === key ? key : undefined))
      settle(kept, new Map([...streams].filter(([key]) => kept.includes(key))))
    },
    answer(offer, accepted) {
      const current = new Map<StreamKey, Stream>()
      const next: (StreamKey | undefined)[] = offer.media.map(() => undefined)
      const media = offer.media.map((section) => refusal(section))
      for (const stream of accepted) {
        const answered = answerOne(offer, stream)
        if (!answered) continue
        next[stream.index] = stream.key
        media[stream.index] = answered.local
        current.set(stream.key, answered)
      }
      if (current.size === 0) return undefined
      settle(next, current)
      return describe(media)
    },
    start() {
      for (const [key, stream] of streams) {
        const { session, negotiated, ...rest } = stream
        if (!session || !negotiated) continue
        session.start(negotiated)
        streams.set(key, { ...rest, session })
      }
    },
    message(key) {
      const stream = streams.get(key)
      if (!stream?.session || !stream.peer) return undefined
      const receives = stream.direction === 'sendrecv' || stream.direction === 'recvonly'
      return { session: stream.session, peer: stream.peer, receives }
    },
    section: (key) => streams.get(key)?.section,
    directions: () => [...streams].map(([key, { direction }]) => [key, direction] as const),
    close() {
      this.refused()
      settle([], new Map())
    },
  }

  /** What the member has answered to a stream of ours. */
  function take(answer: Description, section: Media, stream: Stream): Stream | undefined {
    const direction = directionOf(section)
    const { session, own } = stream
    if (!session || !own) return { ...stream, direction, section }
    const peer = readMessageStream(answer, section)
    if (!peer) return undefined
    if (stream.peer) return samePath(stream.peer.path, peer.path) ? { ...stream, peer, direction } : undefined
    const negotiated = acceptAnswer(own, peer)
    return negotiated && { ...stream, peer, direction, negotiated }
  }
}
