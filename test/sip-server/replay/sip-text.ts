/** A SIP message as these comparisons look at it. */
export interface SipText {
  readonly start: string
  /** Values by long name in lower case, in order, one entry for each line. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly body: string
}

const LONG: Readonly<Record<string, string>> = {
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  l: 'content-length',
  v: 'via',
}

export function readSip(text: string): SipText {
  const end = text.indexOf('\r\n\r\n')
  const [start = '', ...lines] = (end < 0 ? text : text.slice(0, end)).replace(/\r\n[ \t]+/g, ' ').split('\r\n')
  const headers = new Map<string, string[]>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const key = line.slice(0, Math.max(colon, 0)).trim().toLowerCase()
    const name = LONG[key] ?? key
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()])
  }
  return { start, headers, body: end < 0 ? '' : text.slice(end + 4) }
}

export function first(message: SipText, name: string): string {
  return message.headers.get(name)?.[0] ?? ''
}

export function tagIn(value: string): string {
  return /;\s*tag=([^;,\s>]+)/i.exec(value)?.[1] ?? ''
}
