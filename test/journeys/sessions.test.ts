import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Smsc, type Submitted, startSmsc } from '../../adapters/sms-smpp/simulator/index.js'
import { type GatewayRig, gatewayRig } from '../../scripts/rig/gateway.js'
import { type Inbox, inbox } from '../../scripts/rig/inbox.js'
import { openSessionAgent, type SessionAgent } from '../../scripts/rig/session-agent.js'
import { header } from '../../scripts/rig/sip-text.js'
import { smsAdapter } from '../../scripts/rig/smsc-config.js'
import { answer, messageSdp, newPath, place, type Talk, talkOf } from '../conversation/focus/phone.js'

const DOMAIN = 'cpm.example'
const FRIENDS = `sip:friends@groups.${DOMAIN}`
const HANDSET = '+12065550177'
const POOL = ['+18880000001', '+18880000002']
const SESSION: [string, string] = ['P-Preferred-Service', 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session']
const FEATURE = `;+g.3gpp.icsi-ref="${encodeURIComponent('urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session')}"`
const any = (): boolean => true

let gateway: GatewayRig
let smsc: Smsc
let texts: Inbox<Submitted>
const agents: SessionAgent[] = []

beforeAll(async () => {
  smsc = await startSmsc()
  texts = inbox<Submitted>(({ to, text }) => `${to}: ${text}`)
  smsc.events.on('submit', (submitted) => texts.push(submitted))
  gateway = await gatewayRig({
    config: {
      domain: DOMAIN,
      users: {
        alice: { password: 'alice-secret', name: 'Alice', aliases: ['tel:+12065550101'] },
        bob: { password: 'bob-secret', name: 'Bob' },
      },
      groups: {
        defined: {
          friends: {
            address: FRIENDS,
            name: 'Friends',
            members: [`sip:alice@${DOMAIN}`, `sip:bob@${DOMAIN}`, `tel:${HANDSET}`],
          },
        },
      },
      interworking: {
        services: { sms: { adapter: 'smsc', addresses: { pool: { numbers: POOL.map((number) => `tel:${number}`) } } } },
        sessions: { bundle: { window: '300ms' } },
      },
      adapters: { smsc: smsAdapter(smsc.port) },
    },
  })
  await gateway.start()
  if (!smsc.clients().some((client) => client.kind() !== 'open')) await once(smsc.events, 'bind')
})
afterAll(async () => {
  for (const agent of agents) agent.close()
  await gateway?.close()
  await smsc?.stop()
})

async function device(user: string): Promise<SessionAgent> {
  const agent = await openSessionAgent({ server: gateway.sip, domain: DOMAIN, user, password: `${user}-secret` })
  agents.push(agent)
  expect((await agent.register(FEATURE)).status).toBe(200)
  return agent
}
const text = (like: RegExp): Promise<Submitted> =>
  texts.next(`an SMS like ${like}`, (submitted) => submitted.to.endsWith(HANDSET.slice(1)) && like.test(submitted.text))
const plus = (number: string): string => (number.startsWith('+') ? number : `+${number}`)
const writes = (words: string, { from }: Submitted) => smsc.deliver({ from: HANDSET, to: plus(from), text: words })
const hears = (talk: Talk, words: string): Promise<string> =>
  talk.heard.next(`“${words}”`, (body) => body.includes(words))

describe('C.4.3: a group session with a member outside CPM', () => {
  test('FLOW-31 FLOW-31a FLOW-31b FLOW-31c CPM-IWF-008 SLS-03 SLS-04 IWF-SESS-01 IWF-SESS-02 FN-03 FN-05 message by message', {
    timeout: 60_000,
  }, async () => {
    const [alice, bob] = [await device('alice'), await device('bob')]
    // 1, 2: A's invitation of the group; 3: B is invited; 4 to 11: C is asked, by a message of his service.
    const placed = place(alice, FRIENDS, { headers: [['Subject', 'Saturday']] })
    const toBob = await bob.calls.next('INVITE', any)
    const invitation = await text(/^Alice invites you to the group Friends about "Saturday".*Reply YES to join/)
    expect(POOL).toContain(plus(invitation.from))
    // 12 to 15, 18 to 23: B's OK is A's.
    const bobs = await answer(bob, toBob)
    const alices = await talkOf(alice, placed)
    // 16, 17: C's acknowledgement is his OK.
    expect(await writes('Yes', invitation)).toBe(0)
    await text(/^You have joined/)

    // Media A to C, and C to all.
    expect(await alices.says('Who brings the cake?', { id: 'm-1', asks: 'positive-delivery' })).toBe('200')
    await hears(bobs, 'Who brings the cake?')
    expect((await text(/cake\?$/)).text).toMatch(/^(Alice|alice|\+12065550101): Who brings the cake\?$/)
    const report = await alices.heard.next(
      'a report',
      (body) => body.includes('<message-id>m-1</message-id>') && body.includes(HANDSET),
    )
    expect(report).toContain('<delivered/>')
    await writes('I do', invitation)
    expect(await hears(alices, 'I do')).toContain(HANDSET)
    await hears(bobs, 'I do')

    // C leaves by a word; the others go on.
    await writes('STOP', invitation)
    await text(/^You have left/)
    expect(await bobs.says('still here')).toBe('200')
    await hears(alices, 'still here')
    await alices.dialog.bye()
    await bobs.next('BYE')
    expect(texts.items.map(({ text: left }) => left)).toEqual([])
  })
})

test('FN-10 SLS-03 kill -9 in a group session: members come back by its identity, and one on SMS by a yes', {
  timeout: 60_000,
}, async () => {
  const [alice, bob] = [await device('alice'), await device('bob')]
  const placed = place(alice, FRIENDS)
  await answer(bob, await bob.calls.next('INVITE', any))
  const alices = await talkOf(alice, placed)
  const invitation = await text(/Reply YES to join/)
  await writes('yes', invitation)
  await text(/^You have joined/)
  await writes('before', invitation)
  await hears(alices, 'before')
  await gateway.end('SIGKILL')
  const bound = once(smsc.events, 'bind')
  await gateway.start()
  await bound
  const again = await talkOf(alice, place(alice, alices.identity))
  await writes('anybody?', invitation)
  await text(/^The conversation was interrupted.*Reply YES to join again\.$/)
  // The same word again could be the centre's repetition of what it sent over the link that was lost.
  await writes('sure', invitation)
  await text(/^You have joined/)
  await writes('here I am', invitation)
  await hears(again, 'here I am')
  await again.dialog.bye()
})

describe('a session between two', () => {
  test('SLS-03 IWF-SESS-02 CONV-16 the INVITE waits with 180 for the answer by SMS, and MSRP is SMS both ways', {
    timeout: 60_000,
  }, async () => {
    const alice = await device('alice')
    const path = newPath()
    const call = alice.call(`tel:${HANDSET}`, messageSdp(path), [SESSION, ['Conversation-ID', 'conv-2']])
    await call.provisionals.next('180', ({ status }) => status === 180)
    const invitation = await text(/^Alice invites you to a conversation\. Reply YES/)
    expect(plus(invitation.from)).toBe('+12065550101')
    await writes('sure', invitation)
    const talk = await talkOf(alice, { path, call })
    expect(header(talk.focus, 'conversation-id')).toBe('conv-2')
    await text(/^You have joined/)
    expect(await talk.says('Lunch?', { to: `tel:${HANDSET}` })).toBe('200')
    await text(/^Lunch\?$/)
    await writes('At noon', invitation)
    const heard = await hears(talk, 'At noon')
    expect(heard).toContain(`<tel:${HANDSET}>`)
    // The session has the identities; what is said in it has none.
    expect(heard).not.toMatch(/conversation-id|contribution-id/i)
    expect((await talk.dialog.bye()).status).toBe(200)
    await text(/^The conversation is over\.$/)
    // The trace has the session, and the messages that it was, under its conversation.
    const answered = await (await fetch(`${gateway.http}/admin/trace/conv-2`)).json()
    const traced = (answered as { checkpoints: { what: string; line: string }[] }).checkpoints
    const lines = traced.map(({ what, line }) => `${what}: ${line}`)
    for (const station of [
      /^attempted: .* is invited to a session$/,
      /^answered: accepted: the session stands$/,
      /^ended: the session was left by CPM$/,
    ])
      expect(lines.filter((line) => station.test(line))).toHaveLength(1)
    expect(traced.filter(({ what }) => what === 'stored').length).toBeGreaterThanOrEqual(5)
  })

  test('SLS-03 no: 603', { timeout: 60_000 }, async () => {
    const alice = await device('alice')
    const call = alice.call(`tel:${HANDSET}`, messageSdp(newPath()), [SESSION])
    await writes('no thanks', await text(/Reply YES/))
    expect((await call.final).status).toBe(603)
  })

  test('FN-10 kill -9 in a session: his next message gets a clear text, once', { timeout: 60_000 }, async () => {
    const alice = await device('alice')
    const path = newPath()
    const call = alice.call(`tel:${HANDSET}`, messageSdp(path), [SESSION])
    const invitation = await text(/Reply YES/)
    await writes('yes', invitation)
    await talkOf(alice, { path, call })
    await text(/^You have joined/)
    await gateway.end('SIGKILL')
    const bound = once(smsc.events, 'bind')
    await gateway.start()
    await bound
    await writes('are you there?', invitation)
    await text(/^The conversation was interrupted, and your message was not delivered\.$/)
    expect(texts.items.filter(({ text: left }) => /interrupted/.test(left))).toEqual([])
  })
})
