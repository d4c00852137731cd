import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Smsc, type Submitted, startSmsc } from '../../../adapters/sms-smpp/simulator/index.js'
import { type GatewayRig, gatewayRig } from '../../../scripts/rig/gateway.js'
import { smsAdapter } from '../../../scripts/rig/smsc-config.js'
import { xmppAdapter } from '../../../scripts/rig/xmpp-config.js'
import { type Baresip, startBaresip } from '../../support/baresip.js'
import { startUsers, type XmppUser, type XmppUsers } from './clients.js'
import type { PeerServer } from './peer-server.js'
import { prosody } from './prosody.js'

const DOMAIN = 'cpm.example'
const BOB = `sip:bob%40xmpp.example@xmpp.iw.${DOMAIN}`
const HANDSET = `sip:+12065550177@${DOMAIN}`
const any = (): boolean => true
const CAROL = `sip:carol@${DOMAIN}`

/** A SIP client that knows neither CPM nor CPIM: Debian's baresip, with plain texts in MESSAGE (RFC 3428). */
describe('baresip as a device', () => {
  let server: PeerServer
  let clients: XmppUsers<'bob'>
  let smsc: Smsc
  let gateway: GatewayRig
  let bob: XmppUser
  let alice: Baresip
  let carol: Baresip

  beforeAll(async () => {
    server = await prosody(['bob'])
    await server.start()
    clients = await startUsers({ port: server.c2s, domain: server.domain }, ['bob'])
    bob = clients.users.bob
    smsc = await startSmsc()
    gateway = await gatewayRig({
      // It knows no other algorithm.
      sip: { auth: { algorithms: ['MD5'] } },
      config: {
        domain: DOMAIN,
        defaultCountry: 'US',
        users: {
          alice: { password: 'alice-secret', aliases: ['tel:+12065550101'] },
          carol: { password: 'carol-secret' },
        },
        interworking: { services: { xmpp: { adapter: 'im' }, sms: { adapter: 'smsc' } } },
        adapters: { im: xmppAdapter(server.component, 'cpm.xmpp.example'), smsc: smsAdapter(smsc.port) },
      },
    })
    await gateway.start()
    alice = await device('alice', [BOB, HANDSET, CAROL])
    carol = await device('carol', [`sip:alice@${DOMAIN}`])
  }, 90_000)
  afterAll(async () => {
    await alice?.close()
    await carol?.close()
    await gateway?.close()
    await smsc?.stop()
    await clients?.close()
    await server?.close()
  })

  async function device(user: string, contacts: readonly string[]): Promise<Baresip> {
    const baresip = await startBaresip({
      server: gateway.sip,
      domain: DOMAIN,
      user,
      password: `${user}-secret`,
      contacts,
    })
    await baresip.registered()
    return baresip
  }

  test('it writes to an XMPP user and gets his answer', async () => {
    await alice.message(BOB, 'Hello Bob')
    const came = await bob.next('the text', ({ body }) => body === 'Hello Bob')
    expect(came.from.split('/')[0]).toBe('alice@cpm.xmpp.example')
    bob.do('message', {
      to: 'alice@cpm.xmpp.example',
      id: 'b1',
      body: 'Grüß dich\nAlice',
      receipt: true,
      markable: true,
    })
    const answer = await alice.texts.next('the answer', any)
    expect(answer).toEqual({ from: BOB, text: 'Grüß dich\nAlice' })
  })

  test('it writes to an SMS user and gets his answer', async () => {
    const submitted = once(smsc.events, 'submit')
    await alice.message(HANDSET, 'Hello handset')
    const [{ from, to, text }] = (await submitted) as [Submitted]
    expect({ from, to, text }).toEqual({ from: '12065550101', to: '12065550177', text: 'Hello handset' })
    expect(await smsc.deliver({ from: '+12065550177', to: '12065550101', text: 'Hello phone' })).toBe(0)
    const answer = await alice.texts.next('the answer', any)
    expect(answer).toEqual({ from: expect.stringContaining('+12065550177'), text: 'Hello phone' })
  })

  test('two of them write to each other', async () => {
    await alice.message(CAROL, 'Hello Carol')
    expect(await carol.texts.next('the text', any)).toEqual({ from: `sip:alice@${DOMAIN}`, text: 'Hello Carol' })
  })
})
