import type { Clock } from '../../../gateway/cpm/clock.js'
import { type SipServer, type SipServerOptions, startSipServer } from '../../../gateway/sip-server/server.js'
import type { Resolver } from '../../../gateway/sip-server/transport/resolver.js'
import { ControlPeer } from './control-peer.js'
import { UdpPeer } from './udp-peer.js'

export const SECRET = 'sécret'

export interface Harness {
  readonly server: SipServer
  readonly udpPort: number
  readonly tcpPort: number
  peer(): Promise<UdpPeer>
  /** An authenticated control client with routes for the methods. */
  client(...methods: readonly string[]): Promise<ControlPeer>
  stop(): Promise<void>
}

export async function startHarness(
  options: Partial<SipServerOptions> = {},
  clock?: Clock,
  resolver?: Resolver,
): Promise<Harness> {
  const control = { host: '127.0.0.1', port: 0, secret: SECRET }
  const listen = ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0']
  const server = await startSipServer({ listen, control, maxMessageBytes: 65_536, ...options }, clock, resolver)
  const opened: { close(): void }[] = []
  const track = <T extends { close(): void }>(thing: T) => {
    opened.push(thing)
    return thing
  }
  const portOf = (transport: string) =>
    Number(
      server.listening
        .find((address) => address.startsWith(transport))
        ?.split(':')
        .at(-1),
    )
  return {
    server,
    udpPort: portOf('udp'),
    tcpPort: portOf('tcp'),
    peer: async () => track(await UdpPeer.open()),
    client: async (...methods) => {
      const client = track(await ControlPeer.open(server.control.port))
      await client.ask(`authenticate|${Buffer.from(SECRET).toString('latin1')}|`)
      for (const method of methods) await client.ask(`route|${method}`)
      return client
    },
    stop: async () => {
      for (const thing of opened) thing.close()
      await server.stop()
    },
  }
}
