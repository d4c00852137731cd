import { randomInt } from 'node:crypto'
import type { MediaEndpoint } from '../../../conversation/session/anchor.js'
import { acceptsType } from '../../../msrp/accept-types.js'
import type { IncomingMessage, Verdict } from '../../../msrp/incoming.js'
import { IS_COMPOSING_TYPE } from '../../../msrp/is-composing.js'
import { offersTls } from '../../../msrp/listener.js'
import { buildSdp, type Description, ownSessionLines, parseSdp } from '../../../msrp/sdp/description.js'
import { buildMessageStream, type MessageStream, readMessageStream } from '../../../msrp/sdp/message-stream.js'
import { acceptAnswer, answerStream, type OwnStream, offerStream } from '../../../msrp/sdp/negotiate.js'
import { refusal } from '../../../msrp/sdp/streams.js'
import type { MsrpSession, Negotiated } from '../../../msrp/session.js'
import { samePath } from '../../../msrp/wire/uri.js'
import { CPIM_TYPE, type Parcel } from './said.js'

export interface MessageLineOptions {
  readonly endpoint: MediaEndpoint
  /** Octets of one message. */
  readonly maxBytes: number
  readonly message: (message: IncomingMessage) => Promise<Verdict>
  /** The stream has ended by itself. */
  readonly lost: () => void
}

/** The one message stream that we have with a user, in as many descriptions as it takes. */
export interface MessageLine {
  /** Our offer; undefined when there are too many sessions. */
  offer(): string | undefined
  /** Takes the answer to it; false when there is no message stream in it. */
  answered(sdp: string): boolean
  /** Our answer to an offer, the first or a later one: other streams are refused (`MED-06`). Undefined when none of it can be had. */
  answer(offer: string): string | undefined
  /** Offer and answer have been exchanged. */
  start(): void
  /** Whether the user's device takes this type. */
  accepts(contentType: string): boolean
  /** True when the device has taken it. */
  send(parcel: Parcel): Promise<boolean>
  close(): void
}

const TYPES = [CPIM_TYPE, 'text/plain', IS_COMPOSING_TYPE]
/** A message's CPIM head comes on top of what its content may have. */
const HEAD_BYTES = 65_536

export function createMessageLine({ endpoint, maxBytes, message, lost }: MessageLineOptions): MessageLine {
  const id = randomInt(1, 2 ** 47)
  let version = 0
  let current: MsrpSession | undefined
  let peer: MessageStream | undefined
  let offered: MessageStream | undefined
  let negotiated: Negotiated | undefined
  let over = false

  function open(secure: boolean): MsrpSession | undefined {
    const session = endpoint.open(
      {
        message,
        closed: () => {
          if (!over && session === current) lost()
        },
      },
      { secure, acceptTypes: TYPES, maxSize: maxBytes + HEAD_BYTES },
    )
    return session
  }

  function own({ path }: MsrpSession): OwnStream {
    const [{ secure }] = path
    return {
      path,
      acceptTypes: TYPES,
      wrappedTypes: ['*'],
      maxSize: maxBytes,
      reachable: endpoint.reachable(secure),
      ...(secure && endpoint.fingerprint && { fingerprint: endpoint.fingerprint }),
    }
  }

  function description(media: Description['media']): string {
    const [address] = endpoint.addresses
    const host = address?.advertised ?? address?.host ?? '127.0.0.1'
    return buildSdp({ session: ownSessionLines(id, ++version, host), media })
  }

  /** The session of the stream: the one it has, or another one where the device has moved. */
  function sessionFor(stream: MessageStream): MsrpSession | undefined {
    return current && peer && samePath(peer.path, stream.path) ? current : open(stream.secure)
  }

  return {
    offer() {
      current = open(offersTls(endpoint.addresses))
      offered = current && offerStream(own(current))
      return offered && description([buildMessageStream(offered)])
    },
    answered(sdp) {
      const answer = parseSdp(sdp)
      const [media] = answer?.media ?? []
      const stream = answer && media && readMessageStream(answer, media)
      negotiated = offered && stream && acceptAnswer(offered, stream)
      peer = stream
      return negotiated !== undefined
    },
    answer(sdp) {
      const offer = parseSdp(sdp)
      const found = offer && firstStream(offer)
      const session = found && sessionFor(found.stream)
      if (!offer || !found || !session) return undefined
      const answer = answerStream(found.stream, own(session))
      if (!answer) {
        if (session !== current) session.close()
        return undefined
      }
      const before = current
      current = session
      peer = found.stream
      if (before !== session) {
        negotiated = answer.negotiated
        before?.close()
      }
      const mine = buildMessageStream(answer.answer)
      return description(offer.media.map((media, index) => (index === found.index ? mine : refusal(media))))
    },
    start() {
      if (negotiated) current?.start(negotiated)
      negotiated = undefined
    },
    accepts: (contentType) => acceptsType(peer?.acceptTypes ?? [], contentType),
    async send({ contentType, body }) {
      if (!current || over) return false
      const { outcome } = current.send({ contentType, body })
      return (await outcome).kind === 'sent'
    },
    close() {
      over = true
      current?.close()
    },
  }
}

function firstStream(offer: Description): { readonly stream: MessageStream; readonly index: number } | undefined {
  for (const [index, media] of offer.media.entries()) {
    const stream = media.port > 0 ? readMessageStream(offer, media) : undefined
    if (stream) return { stream, index }
  }
  return undefined
}
