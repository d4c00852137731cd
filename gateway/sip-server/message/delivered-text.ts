import { field, type HeaderField, type SipMessage, serialise, startLine } from './message.js'

/** A message from the network as the client gets it: long header names, nothing folded, always a Content-Length. */
export function deliveredText(message: SipMessage, body: string): string {
  return serialise(startLine(message), withLength(message.headers, String(body.length)), body)
}

/** Content-Length at the end, where it mostly stands already; said twice it would have been refused. */
function withLength(headers: readonly HeaderField[], length: string): readonly HeaderField[] {
  const last = headers.at(-1)
  if (last?.key === 'content-length' && last.value === length) return headers
  return [...headers.filter(({ key }) => key !== 'content-length'), field('Content-Length', length)]
}
