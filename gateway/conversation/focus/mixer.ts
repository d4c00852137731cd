import { addressOf, attribute, type Media } from '../../msrp/sdp/description.js'
import type { Direction } from '../../msrp/sdp/message-stream.js'

/** Where an external mixer takes the streams of each kind (`UP-02`, `UP-03`). */
export type Mixer = ReadonlyMap<string, { readonly host: string; readonly port: number }>

/** The mixer of the configuration, `host:port` by kind. */
export function toMixer(configured: Readonly<Record<string, string>> = {}): Mixer {
  return new Map(
    Object.entries(configured).flatMap(([kind, text]) => {
      const [, host, port] = /^(.+):(\d+)$/.exec(text) ?? []
      return host === undefined ? [] : [[kind, { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) }] as const]
    }),
  )
}

/** Whether the mixer takes such a stream: plain RTP, whose keys it need not know. */
export const isMixed = (mixer: Mixer, { kind, proto }: Media): boolean => mixer.has(kind) && /^RTP\/AVPF?$/i.test(proto)

const CODECS = /^a=(?:rtpmap|fmtp|ptime|maxptime|rtcp-fb):/

/**
 * The section that sends the peer's media to the mixer, and gets the mix from it: the formats are those that were offered, for
 * it is the mixer that knows them; the address is the mixer's. `direction` is ours.
 */
export function mixedSection(mixer: Mixer, media: Media, direction: Direction): Media | undefined {
  const address = mixer.get(media.kind)
  if (address === undefined) return undefined
  const lines = media.lines.filter((line) => CODECS.test(line))
  return { ...media, port: address.port, lines: [`c=${addressOf(address.host)}`, ...lines, `a=${direction}`] }
}

const MIRRORED: Readonly<Record<Direction, Direction>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
}

/** RFC 3264 §6.1. */
export const mirror = (direction: Direction): Direction => MIRRORED[direction]

/** What a section says of its direction. */
export function directionOf({ lines }: Media): Direction {
  const said = (['sendonly', 'recvonly', 'inactive'] as const).find((one) => attribute(lines, one) !== undefined)
  return said ?? 'sendrecv'
}
