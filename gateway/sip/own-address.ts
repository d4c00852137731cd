/** Any address of the machine: nobody can be told that. */
const WILDCARD = /^(0\.0\.0\.0|\[?::\]?)$/

/** The SIP URI of the first address that others can use, of those listened on; each transport:host:port. */
export function ownAddress(listening: readonly string[], advertised: string | undefined): string | undefined {
  if (advertised !== undefined) return `sip:${advertised}`
  const found = listening.flatMap((address) => {
    const [, transport = '', host = '', port = ''] = /^(udp|tcp):(.*):(\d+)$/.exec(address) ?? []
    return transport === '' || WILDCARD.test(host) ? [] : [{ transport, host, port }]
  })
  const [best] = found.filter(({ transport }) => transport === 'udp').concat(found)
  return best && `sip:${best.host}:${best.port}${best.transport === 'udp' ? '' : `;transport=${best.transport}`}`
}

const DEFAULT_PORT = '5060'

/** A session identity with the node that has the session: the domain stays, and `maddr` says where (RFC 3261 §19.1.1, §16.5). */
export function atNode(identity: string, node: string | undefined): string {
  const [, host, port, transport = ''] = /^sip:(\[[^\]]+\]|[^:;]+)(?::(\d+))?(;transport=\w+)?/.exec(node ?? '') ?? []
  if (host === undefined || /:\d+$/.test(identity)) return identity
  return `${identity}${port === undefined || port === DEFAULT_PORT ? '' : `:${port}`};maddr=${host}${transport}`
}
