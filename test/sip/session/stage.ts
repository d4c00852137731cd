import { onTestFinished } from 'vitest'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { IncomingCall, OutgoingCall } from '../../../gateway/sip/session-port.js'
import { inbox } from '../../../scripts/rig/inbox.js'
import { openSessionAgent, type SessionAgent } from '../../../scripts/rig/session-agent.js'
import { DOMAIN } from '../../core/support.js'
import { type EdgeHouse, startHouse } from '../support.js'

export const SESSION = 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session'
export const SESSION_FEATURE = `;+g.3gpp.icsi-ref="${encodeURIComponent(SESSION)}"`

/** What a test offers and answers; the edge does not read it. */
export const sdp = (label: string): string =>
  ['v=0', `o=- 1 1 IN IP4 127.0.0.1`, `s=${label}`, 'c=IN IP4 127.0.0.1', 't=0 0', 'm=message 9 TCP/MSRP *', ''].join(
    '\r\n',
  )

export interface EdgeStage {
  readonly house: EdgeHouse
  /** Before the end of the test. */
  stopServer(): Promise<void>
  agent(user?: string, password?: string): Promise<SessionAgent>
}

/** The edge behind the embedded SIP server, and agents that call it. */
export async function openEdgeStage(options: Parameters<typeof startHouse>[0] = {}): Promise<EdgeStage> {
  const house = await startHouse(options)
  const agents: SessionAgent[] = []
  let stopped = false
  onTestFinished(async () => {
    if (stopped) await house.edge.stop()
    else await house.stop()
    for (const agent of agents) agent.close()
  })
  const [, host = '', port = ''] = house.udp.split(':')
  return {
    house,
    async stopServer() {
      stopped = true
      await house.server.stop()
    },
    async agent(user = 'alice', password = 'wonderland') {
      const agent = await openSessionAgent({ server: { host, port: Number(port) }, domain: DOMAIN, user, password })
      agents.push(agent)
      return agent
    },
  }
}

/** Takes the invitations of the edge, one after the other. */
export function takeCalls(stage: EdgeStage): () => Promise<IncomingCall> {
  const calls = inbox<IncomingCall>(({ invitation }) => invitation.said)
  stage.house.edge.sessions.onInvite(async (call) => calls.push(call))
  return () => calls.next('an invitation', () => true)
}

/** Resolves when the signal has fired. */
export const aborted = (signal: AbortSignal | undefined): Promise<unknown> =>
  signal?.aborted === false ? new Promise((resolve) => signal.addEventListener('abort', resolve)) : Promise.resolve()

/** A call to the agent's device. */
export function to(agent: SessionAgent, more: Partial<OutgoingCall> = {}): OutgoingCall {
  return {
    destination: {
      kind: 'device',
      user: agent.uri as Uri,
      contact: agent.contact,
      flow: `udp:127.0.0.1:${agent.port}`,
    },
    to: agent.uri as Uri,
    from: 'sip:carol@cpm.example' as Uri,
    icsi: 'oma.cpm.session',
    identities: {},
    offer: sdp('offer'),
    privacy: false,
    ...more,
  }
}
