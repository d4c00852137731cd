import { isIP } from 'node:net'
import { acceptsType } from '../accept-types.js'
import type { Negotiated } from '../session.js'
import type { Fingerprint } from '../tls.js'
import type { Path } from '../wire/uri.js'
import type { Direction, MessageStream, Setup } from './message-stream.js'

/** What we bring to a stream. */
export interface OwnStream {
  readonly path: Path
  readonly acceptTypes: readonly string[]
  readonly wrappedTypes: readonly string[]
  readonly maxSize: number
  /** Ours, for TLS. */
  readonly fingerprint?: Fingerprint
  readonly chatroom?: readonly string[]
  readonly direction?: Direction
  /** Whether peers can connect to us. */
  readonly reachable: boolean
  readonly others?: readonly string[]
}

/** The stream of an offer of ours: either side may connect, if we can be reached (RFC 6135 §4). */
export function offerStream(own: OwnStream): MessageStream {
  return describe(own, own.direction ?? 'sendrecv', own.reachable ? 'actpass' : 'active', true)
}

/**
 * Our answer to an offered stream, and what it settles. Undefined when the stream is to be refused: already off, no type in common,
 * TLS on one side only, a connection nobody can make, or an address that is not the path's (RFC 6714 §4).
 * We let the peer connect when we can be reached: it may be behind a NAT.
 */
export function answerStream(
  offer: MessageStream,
  own: OwnStream,
): { readonly answer: MessageStream; readonly negotiated: Negotiated } | undefined {
  const setup = answerTo(offer.setup, own.reachable)
  const fits = offer.port > 0 && own.path[0].secure === offer.secure && haveTypeInCommon(offer, own)
  if (setup === undefined || !fits) return undefined
  const negotiated = settle(offer, setup, offer.cema)
  if (negotiated === undefined) return undefined
  return { answer: describe(own, mirrored(offer.direction, own.direction), setup, offer.cema), negotiated }
}

/** What the peer's answer to our offer settles; undefined when the stream is refused, or to be given up. */
export function acceptAnswer(offer: MessageStream, answer: MessageStream): Negotiated | undefined {
  if (answer.port === 0 || answer.secure !== offer.secure || !haveTypeInCommon(offer, answer)) return undefined
  // RFC 4975 §5.4: who says nothing lets the offerer connect.
  const role = answer.setup === 'active' ? 'passive' : answer.setup === 'holdconn' ? undefined : 'active'
  return role && settle(answer, role, answer.cema)
}

function settle(peer: MessageStream, role: 'active' | 'passive', cema: boolean): Negotiated | undefined {
  const { host, port, path, fingerprint, maxSize } = peer
  if (role === 'active' && !cema && disagrees(peer)) return undefined
  return {
    role,
    remotePath: path,
    ...(cema && role === 'active' && { connectTo: { host, port } }),
    ...(fingerprint && { fingerprint }),
    ...(maxSize !== undefined && { maxSize }),
  }
}

/** Somebody on the way has put himself into c= and m=. Between a name and an address nothing can be said. */
function disagrees({ host, port, path: [first] }: MessageStream): boolean {
  const otherHost = isIP(host) > 0 && isIP(first.host) > 0 && host.toLowerCase() !== first.host.toLowerCase()
  return otherHost || (first.port !== undefined && first.port !== port)
}

function answerTo(offered: Setup | undefined, reachable: boolean): 'active' | 'passive' | undefined {
  switch (offered) {
    case 'passive':
      return 'active'
    case 'actpass':
      return reachable ? 'passive' : 'active'
    case 'holdconn':
      return undefined
    default:
      return reachable ? 'passive' : undefined
  }
}

function describe(
  own: OwnStream,
  direction: Direction,
  setup: 'active' | 'passive' | 'actpass',
  cema: boolean,
): MessageStream {
  const [first] = own.path
  return {
    host: first.host,
    port: first.port ?? 0,
    secure: first.secure,
    path: own.path,
    acceptTypes: own.acceptTypes,
    wrappedTypes: own.wrappedTypes,
    maxSize: own.maxSize,
    direction,
    setup,
    cema,
    others: own.others ?? [],
    ...(first.secure && own.fingerprint && { fingerprint: own.fingerprint }),
    ...(own.chatroom && { chatroom: own.chatroom }),
  }
}

/** RFC 3264 §6.1: what the offerer only sends we only receive; `wanted` may narrow it. */
function mirrored(offered: Direction, wanted: Direction = 'sendrecv'): Direction {
  const sends = offered !== 'sendonly' && offered !== 'inactive' && (wanted === 'sendrecv' || wanted === 'sendonly')
  const receives = offered !== 'recvonly' && offered !== 'inactive' && (wanted === 'sendrecv' || wanted === 'recvonly')
  if (sends) return receives ? 'sendrecv' : 'sendonly'
  return receives ? 'recvonly' : 'inactive'
}

type Types = Pick<MessageStream, 'acceptTypes'>

function haveTypeInCommon({ acceptTypes: one }: Types, { acceptTypes: other }: Types): boolean {
  return one.some((type) => acceptsType(other, type)) || other.some((type) => acceptsType(one, type))
}
