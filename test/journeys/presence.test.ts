import { afterAll, beforeAll, expect, test } from 'vitest'
import { type GatewayRig, gatewayRig } from '../../scripts/rig/gateway.js'
import { openUserAgent, type UserAgent } from '../../scripts/rig/user-agent.js'
import { DOMAIN } from '../core/support.js'
import { type Agent, one, openAgent, pidf, rules, rulesOf } from '../presence/agent.js'

/** The whole gateway as a process, with its own core and presence server. */
let gateway: GatewayRig
let alice: UserAgent
let bob: UserAgent
let core: Agent

beforeAll(async () => {
  gateway = await gatewayRig({
    sip: { trust: ['127.0.0.1/32'] },
    config: {
      domain: DOMAIN,
      presence: { notifyInterval: '0s' },
      users: { alice: { password: 'alice-secret' }, bob: { password: 'bob-secret' } },
    },
  })
  await gateway.start()
  const { sip: server } = gateway
  alice = await openUserAgent({ server, domain: DOMAIN, user: 'alice', password: 'alice-secret' })
  bob = await openUserAgent({ server, domain: DOMAIN, user: 'bob', password: 'bob-secret' })
  for (const device of [alice, bob]) expect((await device.register()).status).toBe(200)
  core = await openAgent(`tcp:${server.host}:${server.port}`, 'alice')
})
afterAll(async () => {
  for (const device of [alice, bob, core]) device?.close()
  await gateway?.close()
})

test('CPM-CONV-037 a message to a user who is closed, or has published nothing, is sent', async () => {
  expect((await core.publish(pidf({ basic: 'closed' }))).status).toBe(200)
  await bob.say({ to: alice.uri, text: 'although closed' })
  await alice.nextText('the message', ({ text }) => text === 'although closed')
  await alice.say({ to: bob.uri, text: 'although unknown' })
  await bob.nextText('the message', ({ text }) => text === 'although unknown')
})

test('ID-19 rules put over XCAP hold; a watcher who waited is told, also when the gateway died in between', async () => {
  const server = `tcp:${gateway.sip.host}:${gateway.sip.port}`
  const watcher = await openAgent(server, 'bob')
  await watcher.subscribe(core.uri)
  expect((await watcher.take()).one('Subscription-State')).toMatch(/^pending;/)
  watcher.close()
  await gateway.end('SIGKILL')
  await gateway.start()
  const url = `${gateway.http}/xcap/${rulesOf('alice')}`
  const put = () =>
    fetch(url, {
      method: 'PUT',
      headers: { 'content-type': 'application/auth-policy+xml' },
      body: rules([one('sip:bob@cpm.example'), 'allow']),
    })
  expect((await put()).status).toBe(201)
  const again = await openAgent(server, 'bob')
  await again.subscribe(core.uri)
  const told = await again.take()
  expect([told.one('Subscription-State').split(';')[0], /<basic>(\w+)/.exec(told.body)?.[1]]).toEqual([
    'active',
    'closed',
  ])
  again.close()
})
