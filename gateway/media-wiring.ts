import type { Logger } from 'pino'
import type { MediaConfig } from './config/sessions.js'
import { MsrpEndpoint } from './msrp/endpoint.js'
import type { ListenAddress } from './msrp/listener.js'
import type { MsrpCount } from './msrp/observer.js'

export interface MediaParts {
  readonly config: Pick<MediaConfig, 'listen' | 'advertise' | 'tls' | 'maxMessage'>
  readonly count: (event: MsrpCount) => void
  readonly log: Logger
}

/** All MSRP of the node, on the ports of the configuration. Rejects when one cannot be had. */
export function startMedia({ config, count, log }: MediaParts): Promise<MsrpEndpoint> {
  const { listen, advertise, tls, maxMessage } = config
  return MsrpEndpoint.start({
    listen: listen.map((address) => toListen(address, advertise)),
    ...(tls && { tls }),
    limits: { messageBytes: maxMessage },
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
