import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Smsc, startSmsc } from '../../adapters/sms-smpp/simulator/index.js'
import { newMessageId, writeCpim } from '../../scripts/rig/cpim.js'
import { type GatewayRig, gatewayRig } from '../../scripts/rig/gateway.js'
import { freePort } from '../../scripts/rig/ports.js'
import { smsAdapter } from '../../scripts/rig/smsc-config.js'
import { openUserAgent, type UserAgent } from '../../scripts/rig/user-agent.js'
import { nextNotifications, told } from '../conversation/group/stage.js'
import { openCore } from '../conversation/stage.js'

const DOMAIN = 'cpm.example'
const POOL = '12065569001'
const HANDSET = '12065550199'
const group = (name: string): string => `sip:${name}@groups.${DOMAIN}`
const user = (name: string): string => `sip:${name}@${DOMAIN}`

const USERS = {
  alice: { password: 'alice-secret', aliases: ['tel:+12065550101'] },
  bob: { password: 'bob-secret', aliases: ['tel:+12065550102'] },
  carol: { password: 'carol-secret' },
  dave: { password: 'dave-secret', aliases: ['tel:+12065550104'] },
}

/** The program as built, with a message centre of its own. */
describe('the conversation server of a gateway', () => {
  let smsc: Smsc
  let gateway: GatewayRig
  const agents: UserAgent[] = []

  beforeAll(async () => {
    smsc = await startSmsc({ port: 0 })
    gateway = await gatewayRig({
      config: {
        domain: DOMAIN,
        users: USERS,
        groups: {
          defined: {
            // bob twice, and a group that holds its holder.
            friends: {
              address: group('friends'),
              members: [user('alice'), user('bob'), 'tel:+12065550102', group('inner')],
              reports: { wait: '4s' },
            },
            inner: { address: group('inner'), members: [user('carol'), user('dave'), group('friends')] },
          },
        },
        interworking: {
          services: { sms: { adapter: 'smsc', addresses: { pool: { numbers: [`tel:+${POOL}`] } } } },
          policies: { privacy: 'pool', retry: { first: '200ms', factor: 1, max: '200ms' } },
        },
        adapters: { smsc: smsAdapter(smsc.port) },
      },
    })
    await gateway.start()
    await bound()
  })
  afterAll(async () => {
    for (const agent of agents) agent.close()
    await gateway?.close()
    await smsc?.stop()
  })

  const bound = async () => {
    if (!smsc.clients().some((client) => client.kind() !== 'open')) await once(smsc.events, 'bind')
  }

  async function device(name: keyof typeof USERS, features?: string): Promise<UserAgent> {
    const { password } = USERS[name]
    const how = { server: gateway.sip, domain: DOMAIN, user: name, password, ...(features && { features }) }
    const agent = await openUserAgent(how)
    agents.push(agent)
    // The next play has devices of its own.
    onTestFinished(async () => void (await agent.register(0).catch(() => undefined)))
    expect((await agent.register()).status).toBe(200)
    return agent
  }

  test('GAP-02 REG-07 GRP-TERM-02 three devices: one gets the message, one has not the service, one is offline', async () => {
    const [alice, phone] = [await device('alice'), await device('bob')]
    const desk = await device('bob', ';audio;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"')
    const tablet = await device('bob')
    expect((await tablet.register(0)).status).toBe(200)
    const { answer, messageId } = await alice.say({ to: user('bob'), text: 'hi', report: ['positive-delivery'] })
    expect(answer.status).toBe(200)
    expect((await phone.nextText('the copy')).text).toBe('hi')
    expect((await alice.nextReport(messageId)).status).toBe('delivered')
    expect([...desk.messages.items, ...tablet.messages.items, ...alice.messages.items]).toEqual([])
  })

  test('REG-14 DEF-01 DEF-09 IMDN-03 IW-04 kill -9 in the middle: registrations, what is being pushed, a group’s notification and a lease go on', {
    timeout: 60_000,
  }, async () => {
    const [alice, bob, dave] = [await device('alice'), await device('bob'), await device('dave')]
    const submitted = once(smsc.events, 'submit')
    const hidden: [string, string] = ['Privacy', 'id']
    await alice.say({ to: `tel:+${HANDSET}`, text: 'guess who', headers: [hidden] })
    expect((await submitted)[0]).toMatchObject({ from: POOL, to: HANDSET })
    const texts = Array.from({ length: 30 }, (_, at) => `waiting ${at}`)
    for (const text of texts) expect((await alice.say({ to: user('carol'), text })).answer.status).toBe(202)
    const report = ['positive-delivery']
    const { messageId } = await bob.say({ to: group('friends'), text: 'to all', report })
    await Promise.all([alice, dave].map((member) => member.nextText('the copy', ({ text }) => text === 'to all')))
    const carol = await device('carol')
    await carol.nextText('the first one')
    await gateway.end('SIGKILL')
    await gateway.start()
    await bound()

    const got = ['waiting 0']
    while (got.at(-1) !== 'waiting 29')
      got.push((await carol.nextText('what waited', ({ text }) => text !== 'to all')).text)
    // What was under way may have come twice.
    expect(got.filter((text, at) => text !== got[at - 1])).toEqual(texts)
    expect(await smsc.deliver({ from: `+${HANDSET}`, to: `+${POOL}`, text: 'Alice?' })).toBe(0)
    await alice.nextText('the answer to the pool', ({ text }) => text === 'Alice?')
    const all = new Set<string>()
    while (all.size < 3) for (const each of told(await nextNotifications(bob, 30_000))) all.add(each)
    expect([...all].sort()).toEqual(['alice', 'carol', 'dave'].map((name) => `sip:${name} delivered`))
    expect(messageId).not.toBe('')
  })

  test('MSG-13 ID-15 a member twice, and groups within groups: one copy each', async () => {
    const [alice, bob, carol] = [await device('alice'), await device('bob'), await device('carol')]
    expect((await alice.say({ to: group('friends'), text: 'once' })).answer.status).toBe(202)
    for (const member of [bob, carol]) await member.nextText('the copy', ({ text }) => text === 'once')
    await alice.say({ to: user('bob'), text: 'after it' })
    await bob.nextText('what follows', ({ text }) => text === 'after it')
    for (const member of [alice, bob]) expect(member.messages.items.filter(({ text }) => text === 'once')).toEqual([])
  })

  test('MSG-11 ID-17 a group that is none gets 404, a forged sender 403, and nobody gets anything', async () => {
    const [alice, bob] = [await device('alice'), await device('bob')]
    expect((await alice.say({ to: group('nobody'), text: 'x' })).answer.status).toBe(404)
    const forged = writeCpim({ from: user('carol'), to: user('bob'), text: 'x', messageId: newMessageId() })
    expect((await alice.message(user('bob'), forged)).status).toBe(403)
    expect(bob.messages.items).toEqual([])
  })

  test('GAP-03 ISF-01 preferences over XCAP: errors are told, and who excludes every service is away', async () => {
    const alice = await device('alice')
    const path = `${gateway.http}/xcap/org.causeway.preferences/users/${user('dave')}/index`
    const document = (inside: string) =>
      fetch(path, {
        method: 'PUT',
        headers: { 'content-type': 'application/vnd.causeway.preferences+xml' },
        body: `<preferences xmlns="urn:causeway:xml:ns:preferences">${inside}</preferences>`,
      })
    for (const [inside, fault] of [
      ['<unavailable>sometimes</unavailable>', 'schema-validation-error'],
      ['<copies>true</copies><copies>true</copies>', 'uniqueness-failure'],
      ['<unavailable>', 'not-well-formed'],
    ] as const) {
      const answer = await document(inside)
      expect([answer.status, await answer.text()]).toEqual([409, expect.stringContaining(`<${fault} phrase="`)])
    }
    expect((await document('<unavailable>interwork</unavailable><services/>')).status).toBe(201)
    let submitted = 0
    smsc.events.on('submit', () => submitted++)
    expect((await alice.say({ to: user('dave'), text: 'anybody?' })).answer.status).toBe(480)
    expect(submitted).toBe(0)
    expect((await document('<unavailable>interwork</unavailable>')).status).toBe(200)
    expect((await alice.say({ to: user('dave'), text: 'by SMS' })).answer.status).toBe(202)
    while (submitted === 0) await once(smsc.events, 'submit')
    expect((await fetch(path, { method: 'DELETE' })).status).toBe(200)
    // The operator of this machine may help with documents; what was said is for its user only, who has to prove himself.
    const history = await fetch(`${gateway.http}/history`)
    expect([history.status, history.headers.get('www-authenticate')]).toEqual([401, expect.stringMatching(/^Digest /)])
  })
})

test('two gateways that take each other for the core: a message ends by Max-Forwards, with one answer and no storm', {
  timeout: 60_000,
}, async () => {
  const trust = ['127.0.0.1/32']
  const ports = [await freePort(), await freePort()] as const
  const rigs = await Promise.all(
    ports.map((port, at) =>
      gatewayRig({
        config: { domain: DOMAIN },
        sip: { listen: [`udp:127.0.0.1:${port}`], core: `sip:127.0.0.1:${ports[1 - at]}`, trust },
      }),
    ),
  )
  onTestFinished(async () => void (await Promise.all(rigs.map((rig) => rig.close()))))
  await Promise.all(rigs.map((rig) => rig.start()))
  const core = await openCore()
  core.gateway = { host: '127.0.0.1', port: ports[0] }
  const answer = await core.send({
    target: user('bob'),
    route: `<sip:orig@127.0.0.1:${ports[0]};lr>`,
    headers: [
      ['P-Asserted-Identity', `<${user('alice')}>`],
      ['Max-Forwards', '20'],
    ],
    body: writeCpim({ from: user('alice'), to: user('bob'), text: 'round', messageId: newMessageId() }),
  })
  expect(answer.status).toBe(483)
  const sent = await Promise.all(
    rigs.map((rig) => rig.metric('causeway_sip_requests_total', { method: 'MESSAGE', direction: 'out' })),
  )
  expect(sent.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(20)
})
