import { randomBytes } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { newMessageId } from '../../../scripts/rig/cpim.js'
import { openSessionAgent, type SessionAgent } from '../../../scripts/rig/session-agent.js'
import { openStage, type UserName } from '../stage.js'
import { openMsrpPhone } from './msrp-phone.js'
import { DOMAIN, features, openSessionStage } from './stage.js'
import { AUDIO, ICSI, kinds, talk, VIDEO } from './talk.js'

const ALICE = 'sip:alice@cpm.example'
const BOB = 'sip:bob@cpm.example'

const KINDS: readonly (readonly [string, Buffer])[] = [
  ['text/plain;charset=utf-8', Buffer.from('Grüße, 你好, 🙂')],
  ['image/jpeg', randomBytes(900)],
  ['application/octet-stream', Buffer.from(Array.from({ length: 256 }, (_, octet) => octet))],
  ['audio/amr', randomBytes(900)],
  ['video/mp4', randomBytes(900)],
]

test.each(KINDS)('CPM-MED-001 %s passes in a message, octet for octet', async (type, octets) => {
  const stage = await openStage()
  const device = async (user: UserName): Promise<SessionAgent> => {
    const agent = await openSessionAgent({ server: stage.sip, domain: DOMAIN, user, password: `${user}-secret` })
    onTestFinished(() => agent.close())
    expect((await agent.register(features(['msg', 'session']))).status).toBe(200)
    return agent
  }
  const [alice, bob] = [await device('alice'), await device('bob')]
  const cpim = [
    `From: <${ALICE}>`,
    `To: <${BOB}>`,
    'DateTime: 2026-01-01T00:00:00Z',
    'NS: imdn <urn:ietf:params:imdn>',
    `imdn.Message-ID: ${newMessageId()}`,
    '',
    `Content-Type: ${type}`,
    'Content-Transfer-Encoding: base64',
    '',
    octets.toString('base64'),
  ].join('\r\n')
  const service: [string, string] = ['P-Preferred-Service', 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg']
  expect((await alice.ask('MESSAGE', BOB, [service, ['Content-Type', 'message/cpim']], cpim)).status).toBeLessThan(300)
  const { body } = await bob.others.next('MESSAGE', ({ method }) => method === 'MESSAGE')
  const [, part = '', ...rest] = body.toString().split('\r\n\r\n')
  const content = rest.join('\r\n\r\n')
  expect(part.toLowerCase().replace(/\s/g, '')).toContain(`content-type:${type}`)
  const came = /encoding:\s*base64/i.test(part) ? Buffer.from(content, 'base64') : Buffer.from(content)
  expect(came.equals(octets)).toBe(true)
})

test.each(KINDS)(
  'CPM-MED-001 %s passes in a session whose media pass through us, octet for octet',
  async (type, octets) => {
    const stage = await openSessionStage({ media: { path: 'in' } })
    const [one, two] = [await openMsrpPhone(), await openMsrpPhone()]
    const { here, call } = await talk(stage, one.sdp(), two.sdp({ setup: 'active' }))
    const fromAlice = await one.connectTo(here.made.body.toString())
    const fromBob = await two.connectTo(call.invite.body.toString())
    const sending = fromAlice.send(octets.toString('latin1'), { contentType: type })
    const heard = await fromBob.receives()
    expect(heard.headers.get('Content-Type')).toBe(type)
    expect(Buffer.from(heard.body ?? '', 'latin1').equals(octets)).toBe(true)
    expect((await sending).first).toBe('200 OK')
    await Promise.all([one.close(), two.close()])
  },
)

test('CPM-MED-001 CPM-MED-005 MED-02 audio and video are negotiated beside messages, each for itself', async () => {
  const stage = await openSessionStage({ media: { path: 'in' } })
  const [one, two] = [await openMsrpPhone(), await openMsrpPhone()]
  const answer = two.sdp({ setup: 'active', others: [...AUDIO, 'm=video 0 RTP/AVP 31'] })
  const { here, call } = await talk(stage, one.sdp({ others: [...AUDIO, ...VIDEO] }), answer, [ICSI])
  expect(kinds(call.invite.body.toString())).toEqual(['message yes', 'audio yes', 'video yes'])
  expect(kinds(here.made.body.toString())).toEqual(['message yes', 'audio yes', 'video no'])
  await Promise.all([one.close(), two.close()])
})
