import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Smsc, type Submitted, startSmsc } from '../../adapters/sms-smpp/simulator/index.js'
import { type GatewayRig, gatewayRig } from '../../scripts/rig/gateway.js'
import { type Inbox, inbox } from '../../scripts/rig/inbox.js'
import { freePort } from '../../scripts/rig/ports.js'
import { openSessionAgent, type SessionAgent } from '../../scripts/rig/session-agent.js'
import { header } from '../../scripts/rig/sip-text.js'
import { smsAdapter } from '../../scripts/rig/smsc-config.js'
import { openUserAgent } from '../../scripts/rig/user-agent.js'
import { answer, messageSdp, newPath, talkOf } from '../conversation/focus/phone.js'

const DOMAIN = 'cpm.example'
const HANDSET = '+12065550188'
const SESSION: [string, string] = ['P-Preferred-Service', 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session']
const FEATURE = `;+g.3gpp.icsi-ref="${encodeURIComponent('urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session')}"`

let gateway: GatewayRig
let smsc: Smsc
let server: { readonly host: string; readonly port: number }
let texts: Inbox<Submitted>
const open: { close(): void }[] = []

beforeAll(async () => {
  smsc = await startSmsc({ host: '::1' })
  texts = inbox<Submitted>(({ to, text }) => `${to}: ${text}`)
  smsc.events.on('submit', (submitted) => texts.push(submitted))
  server = { host: '::1', port: await freePort() }
  gateway = await gatewayRig({
    sip: { listen: [`udp:[::1]:${server.port}`, `tcp:[::1]:${server.port}`] },
    config: {
      domain: DOMAIN,
      users: {
        alice: { password: 'alice-secret', aliases: ['tel:+12065550101'] },
        bob: { password: 'bob-secret' },
      },
      media: { listen: ['tcp:[::1]:0'], path: 'in' },
      interworking: { services: { sms: { adapter: 'smsc' } } },
      adapters: { smsc: smsAdapter(smsc.port, { host: '::1' }) },
    },
  })
  await gateway.start()
  if (!smsc.clients().some((client) => client.kind() !== 'open')) await once(smsc.events, 'bind')
})
afterAll(async () => {
  for (const each of open) each.close()
  await gateway?.close()
  await smsc?.stop()
})

describe('where everybody speaks IPv6 alone', () => {
  test('MSG-01 IWF-MSG-01 IWF-REP-01 a message leaves as SMS, its receipt and the answer come back', async () => {
    const alice = await openUserAgent({ server, domain: DOMAIN, user: 'alice', password: 'alice-secret' })
    open.push(alice)
    expect((await alice.register()).status).toBe(200)
    const said = await alice.say({ to: `tel:${HANDSET}`, text: 'over six', report: ['positive-delivery'] })
    expect(said.answer.status).toBe(202)
    expect((await texts.next('an SMS', ({ text }) => text === 'over six')).to).toBe(HANDSET.slice(1))
    expect((await alice.nextReport(said.messageId)).status).toBe('delivered')
    expect(await smsc.deliver({ from: HANDSET, to: '+12065550101', text: 'back' })).toBe(0)
    const { request } = await alice.nextText('the answer', ({ text }) => text === 'back')
    expect(request.startLine).toContain('@[::1]:')
    expect(header(request, 'via')).toContain(`[::1]:${server.port}`)
  })

  test('SESS-09 UP-07 UP-08 a session with the gateway in the path of the media', async () => {
    const [alice, bob] = [await device('alice'), await device('bob')]
    const path = newPath('[::1]')
    const call = alice.call(bob.uri, messageSdp(path), [SESSION])
    const bobs = await answer(bob, await bob.calls.next('INVITE', () => true), { address: '[::1]' })
    const alices = await talkOf(alice, { path, call })
    expect(bobs.focus.body.toString()).toMatch(/c=IN IP6 ::1\r\n[\s\S]*a=path:msrp:\/\/\[::1\]:\d+\//)
    expect(await alices.says('hello', { to: bob.uri })).toBe('200')
    expect(await bobs.heard.next('hello', (body) => body.includes('hello'))).toContain('hello')
    expect(await bobs.says('yes', { to: alice.uri })).toBe('200')
    expect(await alices.heard.next('yes', (body) => body.includes('yes'))).toContain('yes')
    expect((await alices.dialog.bye()).status).toBe(200)
    await bobs.next('BYE')
  })
})

async function device(user: string): Promise<SessionAgent> {
  const agent = await openSessionAgent({ server, domain: DOMAIN, user, password: `${user}-secret` })
  open.push(agent)
  expect((await agent.register(FEATURE)).status).toBe(200)
  return agent
}
