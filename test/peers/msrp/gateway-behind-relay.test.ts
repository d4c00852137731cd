import { afterAll, beforeAll, expect, test } from 'vitest'
import { type GatewayRig, gatewayRig } from '../../../scripts/rig/gateway.js'
import { openSessionAgent, type SessionAgent } from '../../../scripts/rig/session-agent.js'
import { answer, messageSdp, newPath, talkOf } from '../../conversation/focus/phone.js'
import { type KamailioRelay, startKamailioRelay } from './relay.js'

const DOMAIN = 'cpm.example'
const SESSION: [string, string] = ['P-Preferred-Service', 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session']
const FEATURE = `;+g.3gpp.icsi-ref="${encodeURIComponent('urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session')}"`

let relay: KamailioRelay
let gateway: GatewayRig
const agents: SessionAgent[] = []

beforeAll(async () => {
  relay = await startKamailioRelay()
  gateway = await gatewayRig({
    config: {
      domain: DOMAIN,
      users: { alice: { password: 'alice-secret' }, bob: { password: 'bob-secret' } },
      media: {
        path: 'in',
        relay: { uri: `msrp://127.0.0.1:${relay.port};tcp`, user: 'gateway', password: 'secret' },
      },
    },
  })
  await gateway.start()
})
afterAll(async () => {
  for (const agent of agents) agent.close()
  await gateway?.close()
  await relay?.close()
})

async function device(user: string): Promise<SessionAgent> {
  const agent = await openSessionAgent({ server: gateway.sip, domain: DOMAIN, user, password: `${user}-secret` })
  agents.push(agent)
  expect((await agent.register(FEATURE)).status).toBe(200)
  return agent
}

test('UP-07 UP-08 a gateway that devices cannot reach takes part through a relay of Kamailio', {
  timeout: 60_000,
}, async () => {
  await expect
    .poll(() => gateway.metric('causeway_msrp_events_total', { event: 'relay-leased' }), { timeout: 15_000 })
    .toBe(1)
  const [alice, bob] = [await device('alice'), await device('bob')]
  const path = newPath()
  const call = alice.call(bob.uri, messageSdp(path), [SESSION])
  const bobs = await answer(bob, await bob.calls.next('INVITE', () => true))
  const alices = await talkOf(alice, { path, call })
  for (const talk of [alices, bobs]) {
    expect(talk.focus.body.toString()).toMatch(
      new RegExp(`a=path:msrp://127.0.0.1:${relay.port}/\\S+;tcp msrp://127.0.0.1:`),
    )
  }
  expect(await alices.says('through the relay', { to: bob.uri })).toBe('200')
  await bobs.heard.next('what alice says', (body) => body.includes('through the relay'))
  expect(await bobs.says('and back', { to: alice.uri })).toBe('200')
  await alices.heard.next('what bob says', (body) => body.includes('and back'))
  expect((await alices.dialog.bye()).status).toBe(200)
  await bobs.next('BYE')
})
