import { randomUUID } from 'node:crypto'

export interface RequestParts {
  method?: string
  uri?: string
  via?: string
  branch?: string
  callId?: string
  cseq?: string
  from?: string
  to?: string
  extra?: readonly string[]
  body?: string
  /** Header names to leave out. */
  without?: readonly string[]
}

/** A request as a peer at 127.0.0.1:port would send it over UDP. */
export function requestText(port: number, parts: RequestParts = {}): string {
  const method = parts.method ?? 'MESSAGE'
  const body = parts.body ?? 'hello'
  const branch = parts.branch ?? `z9hG4bK${randomUUID()}`
  const lines = [
    parts.via ?? `Via: SIP/2.0/UDP 127.0.0.1:${port};rport;branch=${branch}`,
    'Max-Forwards: 70',
    `From: ${parts.from ?? '<sip:alice@home.example>;tag=a76442'}`,
    `To: ${parts.to ?? '<sip:bob@home.example>'}`,
    `Call-ID: ${parts.callId ?? randomUUID()}`,
    `CSeq: ${parts.cseq ?? `1 ${method}`}`,
    ...(parts.extra ?? ['Content-Type: text/plain']),
    `Content-Length: ${body.length}`,
  ].filter((line) => !parts.without?.includes(line.split(':')[0] ?? ''))
  return `${method} ${parts.uri ?? 'sip:bob@127.0.0.1'} SIP/2.0\r\n${lines.join('\r\n')}\r\n\r\n${body}`
}

/** A response to a request as received. */
export function responseText(request: string, status: string, extra: readonly string[] = []): string {
  const lines = request.split('\r\n')
  const copied = lines.filter((line) => /^(Via|From|Call-ID|CSeq):/i.test(line))
  const to = `${lines.find((line) => /^To:/i.test(line))};tag=peer1`
  return `SIP/2.0 ${status}\r\n${[...copied, to, ...extra, 'Content-Length: 0'].join('\r\n')}\r\n\r\n`
}

/** Value of the first header of a name. */
export function headerOf(text: string, name: string): string | undefined {
  const line = text.split('\r\n').find((candidate) => candidate.toLowerCase().startsWith(`${name.toLowerCase()}:`))
  return line?.slice(name.length + 1).trim()
}
