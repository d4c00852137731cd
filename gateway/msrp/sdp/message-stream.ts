import type { Fingerprint } from '../tls.js'
import { formatPath, type Path, parsePath } from '../wire/uri.js'
import { addressOf, attribute, type Description, hostOf, type Media } from './description.js'

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'
export type Setup = 'active' | 'passive' | 'actpass' | 'holdconn'

/** What an `m=message` section says (RFC 4975 §8). */
export interface MessageStream {
  /** Of c= and m=: where msrp-cema connects to. */
  readonly host: string
  readonly port: number
  /** TCP/TLS/MSRP. */
  readonly secure: boolean
  readonly path: Path
  readonly acceptTypes: readonly string[]
  readonly wrappedTypes: readonly string[]
  /** Octets of one message. */
  readonly maxSize?: number
  readonly direction: Direction
  /** Who connects (RFC 6135). */
  readonly setup?: Setup
  readonly fingerprint?: Fingerprint
  /** RFC 6714. */
  readonly cema: boolean
  /** What a chat room can do: `nickname`, `private-messages` (RFC 7701 §8). */
  readonly chatroom?: readonly string[]
  /** All other lines, as they are: `a=file-selector` and so on. */
  readonly others: readonly string[]
}

const OWN =
  /^(?:c=|a=(?:path|accept-types|accept-wrapped-types|max-size|setup|fingerprint|chatroom):|a=(?:msrp-cema|chatroom|sendrecv|sendonly|recvonly|inactive)$)/
const DIRECTIONS: readonly Direction[] = ['sendonly', 'recvonly', 'inactive']
const SETUPS: ReadonlySet<string> = new Set<Setup>(['active', 'passive', 'actpass', 'holdconn'])
const MAX_TYPES = 200

/** Reads the section; undefined when it is no MSRP stream, or lacks what it needs. */
export function readMessageStream(description: Description, media: Media): MessageStream | undefined {
  const { lines, port } = media
  const proto = media.proto.toUpperCase()
  const host = hostOf(description, media)
  const path = parsePath(attribute(lines, 'path') ?? '')
  const acceptTypes = typesOf(attribute(lines, 'accept-types'))
  const secure = proto === 'TCP/TLS/MSRP'
  if (media.kind !== 'message' || !(secure || proto === 'TCP/MSRP')) return undefined
  if (host === undefined || path === undefined || acceptTypes.length === 0) return undefined
  const maxSize = attribute(lines, 'max-size')
  const setup = attribute(lines, 'setup')?.toLowerCase()
  const fingerprint = readFingerprint(attribute(lines, 'fingerprint') ?? attribute(description.session, 'fingerprint'))
  const chatroom = attribute(lines, 'chatroom')
  return {
    host,
    port,
    secure,
    path,
    acceptTypes,
    wrappedTypes: typesOf(attribute(lines, 'accept-wrapped-types')),
    direction: directionOf(lines) ?? directionOf(description.session) ?? 'sendrecv',
    cema: attribute(lines, 'msrp-cema') !== undefined,
    others: lines.filter((line) => !OWN.test(line)),
    ...(maxSize !== undefined && /^\d{1,15}$/.test(maxSize) && { maxSize: Number(maxSize) }),
    ...(setup !== undefined && isSetup(setup) && { setup }),
    ...(fingerprint && { fingerprint }),
    ...(chatroom !== undefined && { chatroom: typesOf(chatroom) }),
  }
}

/** Writes the section. */
export function buildMessageStream(stream: MessageStream): Media {
  const { host, port, secure, path, acceptTypes, wrappedTypes, maxSize, setup, fingerprint, chatroom } = stream
  const lines = [
    `c=${addressOf(host)}`,
    `a=path:${formatPath(path)}`,
    `a=accept-types:${acceptTypes.join(' ')}`,
    ...(wrappedTypes.length > 0 ? [`a=accept-wrapped-types:${wrappedTypes.join(' ')}`] : []),
    ...(maxSize === undefined ? [] : [`a=max-size:${maxSize}`]),
    ...(setup === undefined ? [] : [`a=setup:${setup}`]),
    ...(fingerprint ? [`a=fingerprint:${fingerprint.algorithm} ${fingerprint.value}`] : []),
    ...(stream.cema ? ['a=msrp-cema'] : []),
    ...(chatroom ? [`a=chatroom${chatroom.length > 0 ? `:${chatroom.join(' ')}` : ''}`] : []),
    `a=${stream.direction}`,
    ...stream.others,
  ]
  return { kind: 'message', port, proto: secure ? 'TCP/TLS/MSRP' : 'TCP/MSRP', formats: '*', lines }
}

const typesOf = (value: string | undefined): readonly string[] =>
  (value ?? '')
    .split(' ')
    .filter((type) => type !== '')
    .slice(0, MAX_TYPES)

const directionOf = (lines: readonly string[]): Direction | undefined =>
  DIRECTIONS.find((direction) => attribute(lines, direction) !== undefined)

const isSetup = (value: string): value is Setup => SETUPS.has(value)

function readFingerprint(value: string | undefined): Fingerprint | undefined {
  const [, algorithm, hex] = /^(sha-(?:1|256|384|512)) ((?:[0-9a-f]{2}:)+[0-9a-f]{2})$/i.exec(value ?? '') ?? []
  if (algorithm === undefined || hex === undefined) return undefined
  return { algorithm: algorithm.toLowerCase() as Fingerprint['algorithm'], value: hex.toUpperCase() }
}
