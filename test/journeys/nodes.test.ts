import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RedisServer, startRedisServer } from '../../gateway/spool/redis-server.js'
import { type GatewayRig, gatewayRig } from '../../scripts/rig/gateway.js'
import { openSessionAgent, type SessionAgent } from '../../scripts/rig/session-agent.js'
import { header, headerAll } from '../../scripts/rig/sip-text.js'
import { answer, place, type Talk, talkOf } from '../conversation/focus/phone.js'
import { watch } from '../conversation/focus/watch.js'

const DOMAIN = 'cpm.example'
const FRIENDS = `sip:friends@groups.${DOMAIN}`
const FEATURE = `;+g.3gpp.icsi-ref="${encodeURIComponent('urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session')}"`
const any = (): boolean => true
const uri = (user: string): string => `sip:${user}@${DOMAIN}`

const folder = mkdtempSync(join(tmpdir(), 'causeway-nodes-'))
const agents: SessionAgent[] = []
let redis: RedisServer
let nodes: readonly [GatewayRig, GatewayRig]

beforeAll(async () => {
  redis = await startRedisServer({ dataDir: folder, log: pino({ level: 'silent' }) })
  const rig = (node: string): Promise<GatewayRig> =>
    gatewayRig({
      sip: { trust: ['127.0.0.1/32'] },
      config: {
        node,
        domain: DOMAIN,
        redis: `unix:${redis.socket}`,
        users: Object.fromEntries(['alice', 'bob', 'carol'].map((user) => [user, { password: `${user}-secret` }])),
        groups: {
          defined: { friends: { address: FRIENDS, name: 'Friends', members: ['alice', 'bob', 'carol'].map(uri) } },
        },
        sessions: { notifyInterval: '0ms' },
      },
    })
  nodes = [await rig('gw1'), await rig('gw2')]
  await Promise.all(nodes.map((node) => node.start()))
})
afterAll(async () => {
  for (const agent of agents) agent.close()
  for (const node of nodes ?? []) await node.close()
  await redis?.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function device(user: string, { sip }: GatewayRig): Promise<SessionAgent> {
  const agent = await openSessionAgent({ server: sip, domain: DOMAIN, user, password: `${user}-secret` })
  agents.push(agent)
  expect((await agent.register(FEATURE)).status).toBe(200)
  return agent
}
const hears = (talk: Talk, words: string): Promise<string> =>
  talk.heard.next(`“${words}”`, (body) => body.endsWith(words))

describe('two nodes, one Redis', () => {
  test('GRP-ORIG-05 GRP-ORIG-07 GRP-ADD-04 PART-03 PART-11: a request for a session on the other node reaches it', {
    timeout: 60_000,
  }, async () => {
    const [first, second] = nodes
    const [alice, bob, carol] = [
      await device('alice', first),
      await device('bob', first),
      await device('carol', second),
    ]
    const placed = place(alice, FRIENDS)
    const bobs = await answer(bob, await bob.calls.next('INVITE', any))
    const alices = await talkOf(alice, placed)

    // The INVITE for the group comes to the node without the session.
    const carols = await talkOf(carol, place(carol, FRIENDS))
    expect(carols.identity).toBe(alices.identity)
    expect(headerAll(carols.focus, 'record-route').map((route) => Number(/:(\d+)[;>]/.exec(route)?.[1]))).toEqual([
      first.sip.port,
      second.sip.port,
    ])
    await carols.says('here I am')
    expect(await hears(alices, 'here I am')).toContain(`From: <${uri('carol')}>`)
    expect(await hears(bobs, 'here I am')).toContain(`From: <${uri('carol')}>`)
    await alices.says('welcome')
    await hears(carols, 'welcome')

    // Outside the dialog: who is in is asked by SUBSCRIBE, and somebody removed by REFER.
    const { identity } = alices
    const watching = await watch({ server: second.sip }, 'carol', identity)
    expect(watching.answer.status).toBe(200)
    expect(await watching.next()).toMatchObject({
      state: 'full',
      users: Object.fromEntries(['alice', 'bob', 'carol'].map((user) => [uri(user), 'connected'])),
    })
    const refer = (agent: SessionAgent, who: string) =>
      agent.ask('REFER', identity, [
        ['Contact', `<${agent.contact}>`],
        ['Refer-To', `<${who};method=BYE>`],
        ['Refer-Sub', 'false'],
      ])
    expect((await refer(carol, uri('bob'))).status).toBe(403)

    // Within the dialog, both ways.
    expect((await carols.dialog.bye()).status).toBe(200)
    await watching.until({ [uri('carol')]: 'disconnected departed' })
    const again = await talkOf(carol, place(carol, identity))
    expect((await refer(alice, uri('carol'))).status).toBe(200)
    expect((await again.next('BYE')).request.method).toBe('BYE')
    expect((await place(carol, identity).call.final).status).toBe(403)
    await alices.dialog.bye()
    await bobs.next('BYE')
  })

  test('GRP-ORIG-05: who begin at the same moment on both nodes are in one session', { timeout: 60_000 }, async () => {
    const [alice, , carol] = agents
    if (!alice || !carol) throw new Error('nobody is there')
    const [alices, carols] = await Promise.all([
      talkOf(alice, place(alice, FRIENDS)),
      talkOf(carol, place(carol, FRIENDS)),
    ])
    expect(carols.identity).toBe(alices.identity)
    await alices.says('are you here, too?')
    await hears(carols, 'are you here, too?')
    await Promise.all([alices.dialog.bye(), carols.dialog.bye()])
  })

  test('GRP-ORIG-07: when that node is gone the session is taken up on this one', { timeout: 60_000 }, async () => {
    const [first, second] = nodes
    const [alice, bob] = agents
    if (!alice || !bob) throw new Error('nobody is there')
    const [running] = await Promise.all([bob, alice].map((agent) => talkOf(agent, place(agent, FRIENDS))))
    if (!running) throw new Error('no session')
    await first.end('SIGTERM')
    await running.next('BYE')
    const phone = await device('bob', second)
    const back = await talkOf(phone, place(phone, running.identity))
    expect(back.identity).toBe(running.identity)
    expect(header(back.focus, 'record-route')).toContain(`:${second.sip.port};`)
  })
})
