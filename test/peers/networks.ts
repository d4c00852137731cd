import { type GatewayRig, gatewayRig } from '../../scripts/rig/gateway.js'
import { freePort } from '../../scripts/rig/ports.js'
import { openSessionAgent, type SessionAgent } from '../../scripts/rig/session-agent.js'
import type { SipText } from '../../scripts/rig/sip-text.js'
import { type Core, type Hop, startKamailio } from './kamailio.js'

/** A carrier's network: Debian's Kamailio, and a gateway behind it. */
export interface Network {
  readonly domain: string
  readonly gateway: GatewayRig
  readonly core: Core
  /** A device of a user of conf/kamailio, registered. */
  phone(user: 'alice' | 'bob' | 'carol' | 'dave', features?: string): Promise<SessionAgent>
  /** Requests of this method that its core has seen since, in short: where each came from, and what was behind it in its Route. */
  passed(method: string, since?: number): readonly string[]
}

export interface Networks {
  readonly home: Network
  readonly other: Network
  close(): Promise<void>
}

const CPM = ';+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session"'

type Configuration = Readonly<Record<string, unknown>> & { readonly groups?: object }

/** A network, as another one sees it. */
export interface Place {
  readonly domain: string
  readonly host: string
  readonly peerPort: number
}

/** Two networks that reach each other; each its own domain, and groups in a domain below it. */
export async function openNetworks(config: {
  readonly home?: Configuration
  readonly other?: Configuration
}): Promise<Networks> {
  const home: Place = { domain: 'cpm.example', host: '127.0.0.2', peerPort: await freePort() }
  const other: Place = { domain: 'cpm.other', host: '127.0.0.3', peerPort: await freePort() }
  const [one, two] = [await openNetwork(home, other, config.home), await openNetwork(other, home, config.other)]
  return {
    home: one,
    other: two,
    async close() {
      await Promise.all([one.close(), two.close()])
    },
  }
}

/** One of two networks; whatever is beside it has to speak from that place. */
export async function openNetwork(
  { domain, host, peerPort }: Place,
  beside: Place,
  config: Configuration = {},
): Promise<Network & { close(): Promise<void> }> {
  const [device, isc] = [await freePort(), await freePort()]
  const gateway = await gatewayRig({
    sip: { core: `sip:${host}:${isc}`, trust: [`${host}/32`] },
    config: { domain, ...config, groups: { lists: { address: `sip:lists@groups.${domain}` }, ...config.groups } },
  })
  await gateway.start()
  const peer = { domain: beside.domain, host: beside.host, port: beside.peerPort, ownPort: peerPort }
  const core = startKamailio({ host, device, isc, gateway: gateway.sip.port, domain, peer })
  const phones: SessionAgent[] = []
  return {
    domain,
    gateway,
    core,
    async phone(user: string, features = CPM) {
      const server = { host, port: device }
      const agent = await openSessionAgent({ server, domain, user, password: `${user}-secret` })
      phones.push(agent)
      const { status } = await registered(agent, features, core.died)
      if (status !== 200) throw new Error(`${user}@${domain} was refused with ${status}`)
      return agent
    },
    passed: (method: string, since = 0) => core.hops.slice(since).flatMap((hop) => shown(hop, method)),
    async close() {
      for (const phone of phones) phone.close()
      await gateway.close()
      await core.close()
    },
  }
}

const shown = ({ request, from, route }: Hop, method: string): readonly string[] =>
  request.startsWith(`${method} `) ? [route === '' ? from : `${from} ${route}`] : []

/** The core does not say when it is ready: it is asked until it answers. */
async function registered(agent: SessionAgent, features: string, died: Promise<never>): Promise<SipText> {
  let again: NodeJS.Timeout | undefined
  const answered = new Promise<SipText>((resolve) => {
    const ask = () => void agent.register(features).then(resolve)
    again = setInterval(ask, 300)
    ask()
  })
  return Promise.race([answered, died]).finally(() => clearInterval(again))
}
