import type { Logger } from 'pino'
import type { MediaConfig } from './config/sessions.js'
import type { Clock } from './cpm/clock.js'
import { answerChallenge } from './cpm/digest-answer.js'
import { MsrpEndpoint } from './msrp/endpoint.js'
import { type KeptRelay, keepRelay } from './msrp/kept-relay.js'
import type { ListenAddress } from './msrp/listener.js'
import type { MsrpCount } from './msrp/observer.js'
import { parseUri } from './msrp/wire/uri.js'
import { createTrust } from './sip/trust.js'

export interface Media {
  readonly endpoint: MsrpEndpoint
  close(): Promise<void>
}

export interface MediaParts {
  readonly config: Pick<MediaConfig, 'listen' | 'advertise' | 'tls' | 'relay' | 'maxMessage' | 'connectionsPerSource'>
  /** Networks whose connections are not limited: the SIP/IP core, and what is with it. */
  readonly trust: readonly string[]
  readonly clock: Clock
  readonly count: (event: MsrpCount) => void
  readonly log: Logger
}

/** All MSRP of the node, on the ports of the configuration and behind its relay. Rejects when a port cannot be had. */
export async function startMedia(parts: MediaParts): Promise<Media> {
  const { config, trust, count, log } = parts
  const { listen, advertise, tls, maxMessage, connectionsPerSource } = config
  let relay: KeptRelay | undefined
  const endpoint = await MsrpEndpoint.start({
    listen: listen.map((address) => toListen(address, advertise)),
    ...(tls && { tls }),
    limits: { messageBytes: maxMessage, connectionsPerSource },
    isUnlimited: createTrust(trust),
    observer: { count, fault: (error) => log.error({ err: error }, 'MSRP') },
    ...(config.relay && { relay: () => relay?.current() }),
  })
  relay = config.relay && keptRelay(endpoint, config.relay, parts)
  return {
    endpoint,
    async close() {
      relay?.stop()
      await endpoint.close()
    },
  }
}

function keptRelay(
  endpoint: MsrpEndpoint,
  { uri, user, password }: NonNullable<MediaConfig['relay']>,
  { clock, count, log }: MediaParts,
): KeptRelay {
  const relay = parseUri(uri)
  if (relay === undefined) throw new Error(`media.relay.uri: ${uri} is no MSRP URI`)
  return keepRelay({
    relay,
    clock,
    connect: (target) => endpoint.connect(target),
    authorize: (challenge, method, asked) => answerChallenge(challenge, { user, password }, method, asked),
    onChange(state, why) {
      count(state)
      if (state === 'relay-leased') log.info({ relay: uri }, 'place at the MSRP relay')
      else log.warn({ err: why, relay: uri }, state === 'relay-lost' ? 'MSRP relay lost' : 'no place at the MSRP relay')
    },
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
