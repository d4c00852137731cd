import { field, type SipMessage, serialise, startLine } from './message.js'

/** A message from the network as the client gets it: long header names, nothing folded, always a Content-Length. */
export function deliveredText(message: SipMessage, body: string): string {
  const headers = message.headers.filter(({ key }) => key !== 'content-length')
  headers.push(field('Content-Length', String(body.length)))
  return serialise(startLine(message), headers, body)
}
