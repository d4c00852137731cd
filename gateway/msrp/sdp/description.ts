/** One m= section; lines are without their line ends. */
export interface Media {
  /** audio, video, message … */
  readonly kind: string
  /** 0 refuses the stream, or takes it away. */
  readonly port: number
  readonly proto: string
  /** What stands behind the protocol. */
  readonly formats: string
  /** The lines after m=, untouched. */
  readonly lines: readonly string[]
}

/** A session description (RFC 8866), read no deeper than its media sections. */
export interface Description {
  /** The lines before the first m=. */
  readonly session: readonly string[]
  readonly media: readonly Media[]
}

const MAX_CHARS = 65_536
const MAX_LINES = 1000
const MAX_MEDIA = 32

/** Reads a description; undefined when it is none, or too large. A stream over several ports (`m=… 2000/2`) is not known here. */
export function parseSdp(text: string): Description | undefined {
  if (text.length > MAX_CHARS) return undefined
  const lines = text.split(/\r?\n/)
  while (lines.at(-1) === '') lines.pop()
  if (lines.length > MAX_LINES || lines[0] !== 'v=0' || !lines.every((line) => /^[a-z]=/.test(line))) return undefined
  const starts = lines.flatMap((line, index) => (line.startsWith('m=') ? [index] : []))
  if (starts.length > MAX_MEDIA) return undefined
  const media: Media[] = []
  for (const [index, start] of starts.entries()) {
    const one = parseMedia(lines[start] ?? '', lines.slice(start + 1, starts[index + 1]))
    if (one === undefined) return undefined
    media.push(one)
  }
  return { session: lines.slice(0, starts[0]), media }
}

function parseMedia(line: string, lines: readonly string[]): Media | undefined {
  const [, kind, digits, proto, formats] = /^m=(\S+) (\d{1,5}) (\S+) (.+)$/.exec(line) ?? []
  const port = Number(digits)
  if (kind === undefined || proto === undefined || formats === undefined || port > 65_535) return undefined
  return { kind, port, proto, formats, lines }
}

export function buildSdp({ session, media }: Description): string {
  const sections = media.flatMap(({ kind, port, proto, formats, lines }) => [
    `m=${kind} ${port} ${proto} ${formats}`,
    ...lines,
  ])
  return [...session, ...sections].map((line) => `${line}\r\n`).join('')
}

/** The session lines of a description of ours. `version` grows by one with each that differs (RFC 3264 §8). */
export function ownSessionLines(id: number, version: number, address: string): readonly string[] {
  return ['v=0', `o=- ${id} ${version} ${addressOf(address)}`, 's=-', `c=${addressOf(address)}`, 't=0 0']
}

/** `IN IP4 192.0.2.9`; a name counts as IP4. */
export const addressOf = (host: string): string => `IN ${host.includes(':') ? 'IP6' : 'IP4'} ${host}`

/** The host of c=, that of the section before that of the session. */
export function hostOf({ session }: Pick<Description, 'session'>, { lines }: Media): string | undefined {
  const line = [...lines, ...session].find((one) => one.startsWith('c='))
  return line?.split(' ')[2]?.split('/')[0]
}

/** The value of the first attribute of that name: '' when it has none, undefined when it is not there. */
export function attribute(lines: readonly string[], name: string): string | undefined {
  const line = lines.find((one) => one === `a=${name}` || one.startsWith(`a=${name}:`))
  return line?.slice(`a=${name}:`.length)
}
