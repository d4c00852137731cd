import type { Logger } from 'pino'
import type { MediaConfig } from './config/sessions.js'
import { MsrpEndpoint } from './msrp/endpoint.js'
import type { ListenAddress } from './msrp/listener.js'
import type { MsrpCount } from './msrp/observer.js'
import { createTrust } from './sip/trust.js'

export interface MediaParts {
  readonly config: Pick<MediaConfig, 'listen' | 'advertise' | 'tls' | 'maxMessage' | 'connectionsPerSource'>
  /** Networks whose connections are not limited: the SIP/IP core, and what is with it. */
  readonly trust: readonly string[]
  readonly count: (event: MsrpCount) => void
  readonly log: Logger
}

/** All MSRP of the node, on the ports of the configuration. Rejects when one cannot be had. */
export function startMedia({ config, trust, count, log }: MediaParts): Promise<MsrpEndpoint> {
  const { listen, advertise, tls, maxMessage, connectionsPerSource } = config
  return MsrpEndpoint.start({
    listen: listen.map((address) => toListen(address, advertise)),
    ...(tls && { tls }),
    limits: { messageBytes: maxMessage, connectionsPerSource },
    isUnlimited: createTrust(trust),
    observer: { count, fault: (error) => log.error({ err: error }, 'MSRP') },
  })
}

/** `tcp:host:port`; the configuration has checked it. */
function toListen(address: string, advertised: string | undefined): ListenAddress {
  const [, transport = '', host = '', port = ''] = /^(tcp|tls):(.*):(\d+)$/.exec(address) ?? []
  return {
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port),
    secure: transport === 'tls',
    ...(advertised !== undefined && { advertised }),
  }
}
