/**
 * SIP as text, for clients and peers that try the gateway from outside. Written apart from the gateway's own
 * stack, so that a fault there is not mirrored here.
 */
export interface SipText {
  readonly startLine: string
  /** The status of a response; 0 for a request. */
  readonly status: number
  /** The method of a request, or the one of the CSeq of a response. */
  readonly method: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
}

const COMPACT: Readonly<Record<string, string>> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  l: 'content-length',
  c: 'content-type',
}
const longName = (name: string): string => COMPACT[name.toLowerCase()] ?? name.toLowerCase()

/** Reads one datagram; undefined when it is no SIP message. */
export function readSip(data: Buffer): SipText | undefined {
  const end = data.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [startLine = '', ...lines] = data
    .toString('utf8', 0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]
  })
  const status = /^SIP\/2\.0 (\d{3})/.exec(startLine)?.[1]
  const cseq = headers.find(([name]) => longName(name) === 'cseq')?.[1] ?? ''
  return {
    startLine,
    status: status === undefined ? 0 : Number(status),
    method: status === undefined ? (startLine.split(' ')[0] ?? '') : (cseq.split(/\s+/)[1] ?? ''),
    headers,
    body: data.subarray(end + 4),
  }
}

/** First value of a header; empty when it is absent. */
export function header(message: Pick<SipText, 'headers'>, name: string): string {
  return message.headers.find(([found]) => longName(found) === name.toLowerCase())?.[1] ?? ''
}

/** All values of a header, in order. */
export function headerAll(message: Pick<SipText, 'headers'>, name: string): readonly string[] {
  return message.headers.filter(([found]) => longName(found) === name.toLowerCase()).map(([, value]) => value)
}

/** Writes a message; Content-Length is set unless it is among the headers. */
export function writeSip(startLine: string, headers: SipText['headers'], body: Buffer | string = ''): Buffer {
  const octets = Buffer.from(body)
  const lines = headers.map(([name, value]) => `${name}: ${value}`)
  if (header({ headers }, 'content-length') === '') lines.push(`Content-Length: ${octets.length}`)
  return Buffer.concat([Buffer.from(`${[startLine, ...lines].join('\r\n')}\r\n\r\n`), octets])
}

/** The answer to a request: its Via, From, To (with a tag), Call-ID and CSeq come back (RFC 3261 §8.2.6). */
export function answerTo(request: SipText, status: number, reason: string, more: SipText['headers'] = []): Buffer {
  const copied = request.headers.filter(([name]) => ['via', 'from', 'call-id', 'cseq'].includes(longName(name)))
  const to = header(request, 'to')
  const tagged = /;\s*tag=/.test(to) ? to : `${to};tag=rig`
  return writeSip(`SIP/2.0 ${status} ${reason}`, [...copied, ['To', tagged], ...more])
}
