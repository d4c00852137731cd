import type { IncomingRequest } from './link.js'

/** transport:host:port a request came from; what a binding remembers as the way back. */
export function flowOf(request: Pick<IncomingRequest, 'transport' | 'sourceHost' | 'sourcePort'>): string {
  const { transport, sourceHost, sourcePort } = request
  return `${transport}:${sourceHost.includes(':') && !sourceHost.startsWith('[') ? `[${sourceHost}]` : sourceHost}:${sourcePort}`
}

/** The next hop that leads back along a flow. */
export function flowUri(flow: string): string {
  const colon = flow.indexOf(':')
  return `sip:${flow.slice(colon + 1)};transport=${flow.slice(0, colon)}`
}
