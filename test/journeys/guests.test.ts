import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Smsc, type Submitted, startSmsc } from '../../adapters/sms-smpp/simulator/index.js'
import { type GatewayRig, gatewayRig } from '../../scripts/rig/gateway.js'
import { type Inbox, inbox } from '../../scripts/rig/inbox.js'
import { openSessionAgent, type SessionAgent } from '../../scripts/rig/session-agent.js'
import { smsAdapter } from '../../scripts/rig/smsc-config.js'
import { messageSdp, newPath, place, type Talk, talkOf } from '../conversation/focus/phone.js'

const DOMAIN = 'cpm.example'
const HANDSET = '+12065550177'
const POOL = ['+18880000001', '+18880000002']
const GROUPS = ['red', 'blue', 'green'] as const
const groupUri = (name: string): string => `sip:${name}@groups.${DOMAIN}`
const ICSI = 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session'
const FEATURE = `;+g.3gpp.icsi-ref="${encodeURIComponent(ICSI)}"`
const UNKNOWN = 0x0b
const REFUSED = 0x65

let gateway: GatewayRig
let smsc: Smsc
let texts: Inbox<Submitted>
let alice: SessionAgent

const plus = (number: string): string => (number.startsWith('+') ? number : `+${number}`)
const text = (like: RegExp, to = HANDSET): Promise<Submitted> =>
  texts.next(`an SMS like ${like}`, (submitted) => plus(submitted.to) === to && like.test(submitted.text))
const writes = (words: string, { from }: Pick<Submitted, 'from'>, by = HANDSET) =>
  smsc.deliver({ from: by, to: plus(from), text: words })
const hears = (talk: Talk, words: string) => talk.heard.next(`“${words}”`, (body) => body.includes(words))
const untaken = () => texts.items.map((submitted) => submitted.text)

async function talkWith(group: string): Promise<{ readonly talk: Talk; readonly invitation: Submitted }> {
  const placed = place(alice, groupUri(group))
  const invitation = await text(new RegExp(`the group ${group}`))
  await writes('yes', invitation)
  const talk = await talkOf(alice, placed)
  await text(/^You have joined/)
  return { talk, invitation }
}

/** What people do to a gateway by SMS, at a message centre and a device that are none of the gateway's. */
describe('hostile and hurried answers by SMS', () => {
  beforeAll(async () => {
    smsc = await startSmsc()
    texts = inbox<Submitted>(({ from, to, text }) => `${from} to ${to}: ${text}`)
    smsc.events.on('submit', (submitted) => texts.push(submitted))
    const numbers = POOL.map((number) => `tel:${number}`)
    gateway = await gatewayRig({
      config: {
        domain: DOMAIN,
        users: { alice: { password: 'alice-secret', name: 'Alice', aliases: ['tel:+12065550101'] } },
        groups: {
          defined: Object.fromEntries(
            GROUPS.map((name) => [
              name,
              { address: groupUri(name), name, members: [`sip:alice@${DOMAIN}`, `tel:${HANDSET}`] },
            ]),
          ),
        },
        interworking: {
          services: { sms: { adapter: 'smsc', addresses: { pool: { numbers } } } },
          sessions: {
            bundle: { window: '0ms' },
            linger: '1ms',
            languages: { '+49': 'de', '+33': 'fr', '+34': 'es', '+39': 'it' },
          },
        },
        adapters: { smsc: smsAdapter(smsc.port) },
      },
    })
    await gateway.start()
    if (!smsc.clients().some((client) => client.kind() !== 'open')) await once(smsc.events, 'bind')
    alice = await openSessionAgent({ server: gateway.sip, domain: DOMAIN, user: 'alice', password: 'alice-secret' })
    expect((await alice.register(FEATURE)).status).toBe(200)
  })
  afterAll(async () => {
    alice?.close()
    await gateway?.close()
    await smsc?.stop()
  })

  test('SLS-03 nobody can understand them: a help text once, then silence, and a yes still counts', async () => {
    const placed = place(alice, groupUri('red'))
    const invitation = await text(/the group red/)
    for (const words of ['wer ist da??', '☃☃☃', 'y e s', 'call me', '\u0000\u0001'])
      expect(await writes(words, invitation)).toBe(0)
    expect((await text(/^Sorry/)).from).toBe(invitation.from)
    expect(await writes('OK 👍', invitation)).toBe(0)
    expect(await writes('ok', invitation)).toBe(0)
    const talk = await talkOf(alice, placed)
    await text(/^You have joined/)
    expect(untaken()).toEqual([])
    await talk.dialog.bye()
    await text(/over/)
  })

  test('SLS-03 a yes that comes twice is one; the same word later is said in the session', async () => {
    const placed = place(alice, groupUri('red'))
    const invitation = await text(/the group red/)
    await writes('yes', invitation)
    await writes('YES!', invitation)
    const talk = await talkOf(alice, placed)
    await text(/^You have joined/)
    await writes('hello', invitation)
    await hears(talk, 'hello')
    expect(talk.heard.items.filter((body) => /yes/i.test(body))).toEqual([])
    expect(await talk.says('Pizza?')).toBe('200')
    await text(/Pizza\?$/)
    await writes('Yes', invitation)
    await hears(talk, 'Yes')
    expect(untaken()).toEqual([])
    await talk.dialog.bye()
    await text(/over/)
  })

  test('SLS-04 another number that writes to the number of the session is nobody in it', async () => {
    const { talk, invitation } = await talkWith('red')
    expect([UNKNOWN, REFUSED]).toContain(await writes('yes', invitation, '+12065550199'))
    await writes('it was not me', invitation)
    await hears(talk, 'it was not me')
    expect(talk.heard.items).toEqual([])
    await talk.dialog.bye()
    await text(/over/)
    expect(untaken()).toEqual([])
  })

  test('SLS-03 two groups ask him at once: each by a number of its own, and nothing mixes; a third hears that no number is free', async () => {
    const red = place(alice, groupUri('red'))
    const blue = place(alice, groupUri('blue'))
    const [toRed, toBlue] = [await text(/the group red/), await text(/the group blue/)]
    expect(new Set([toRed.from, toBlue.from]).size).toBe(2)
    const green = await place(alice, groupUri('green')).call.final
    expect(green.status).toBeGreaterThanOrEqual(400)
    expect(green.startLine + JSON.stringify(green.headers)).toContain('no free number')
    await writes('yes', toBlue)
    await writes('yes', toRed)
    const talks = { red: await talkOf(alice, red), blue: await talkOf(alice, blue) }
    for (const each of [toRed, toBlue])
      await texts.next(
        'you have joined',
        ({ from, text: said }) => from === each.from && said.startsWith('You have joined'),
      )
    await Promise.all([talks.red.says('from red'), talks.blue.says('from blue')])
    expect((await text(/from red/)).from).toBe(toRed.from)
    expect((await text(/from blue/)).from).toBe(toBlue.from)
    await writes('to blue', toBlue)
    await writes('to red', toRed)
    await hears(talks.red, 'to red')
    await hears(talks.blue, 'to blue')
    expect([...talks.red.heard.items, ...talks.blue.heard.items].filter((body) => body.includes('to '))).toEqual([])
    await writes('stop', toRed)
    await text(/^You have left/)
    await talks.red.next('BYE')
    expect(await talks.blue.says('still blue')).toBe('200')
    expect((await text(/still blue/)).from).toBe(toBlue.from)
    await talks.blue.dialog.bye()
    await text(/over/)
    expect(untaken()).toEqual([])
  })

  test.each([
    ['de', '+4915550177', 'Ja', 'Stopp', /^Sie haben das Gespräch verlassen/],
    ['fr', '+33155501777', 'Oui', 'ARRÊT !', /^Vous avez quitté/],
    ['es', '+34155501777', 'Sí', 'baja', /^Has salido/],
    ['it', '+39155501777', 'Sì', 'Esci.', /^Hai lasciato/],
    ['en', '+12065550188', 'Yes', 'Unsubscribe', /^You have left/],
    ['en', '+12065550189', 'Yes', 'StopAll', /^You have left/],
  ])('FN-05 SLS-03 in %s (%s) %s joins and %s leaves', async (_, number, yes, stop, left) => {
    const path = newPath()
    const call = alice.call(`tel:${number}`, messageSdp(path), [['P-Preferred-Service', ICSI]])
    const invitation = await text(/./, number)
    await writes(yes, invitation, number)
    const talk = await talkOf(alice, { path, call })
    await text(/./, number)
    await writes(stop, invitation, number)
    await talk.next('BYE')
    await text(left, number)
    expect(talk.heard.items).toEqual([])
    expect(untaken()).toEqual([])
  })
})

/** One kill, and what both sides find after it. */
describe('kill -9 in the midst of a session', () => {
  let killed: GatewayRig
  let centre: Smsc
  let submitted: Inbox<Submitted>
  let phone: SessionAgent
  let talk: Talk
  let number: string
  const sms = (like: RegExp) => submitted.next(`an SMS like ${like}`, ({ text: said }) => like.test(said), 30_000)
  const answers = (words: string) => centre.deliver({ from: HANDSET, to: plus(number), text: words })

  beforeAll(async () => {
    centre = await startSmsc()
    submitted = inbox<Submitted>(({ text: said }) => said)
    centre.events.on('submit', (one) => submitted.push(one))
    killed = await gatewayRig({
      config: {
        domain: DOMAIN,
        users: { alice: { password: 'alice-secret', name: 'Alice' } },
        groups: { defined: { red: { address: groupUri('red'), members: [`sip:alice@${DOMAIN}`, `tel:${HANDSET}`] } } },
        interworking: {
          services: { sms: { adapter: 'smsc', addresses: { pool: { numbers: [`tel:${POOL[0]}`] } } } },
          sessions: { bundle: { window: '3s' } },
        },
        adapters: { smsc: smsAdapter(centre.port) },
      },
    })
    await killed.start()
    phone = await openSessionAgent({ server: killed.sip, domain: DOMAIN, user: 'alice', password: 'alice-secret' })
    await phone.register(FEATURE)
    const placed = place(phone, groupUri('red'))
    number = (await sms(/Reply YES/)).from
    await answers('yes')
    talk = await talkOf(phone, placed)
    await sms(/^You have joined/)
    for (const words of ['first', 'second', 'third']) expect(await talk.says(words)).toBe('200')
    await sms(/first$/)
    // What comes after them is stored after them.
    await answers('go on')
    await hears(talk, 'go on')
    // What is done with is not heard once more.
    await vi.waitFor(
      async () => expect(await killed.metric('causeway_lane_under_way', { lane: 'sessions.gw1' })).toBe(0),
      10_000,
    )
    await killed.end('SIGKILL')
    const bound = once(centre.events, 'bind')
    await killed.start()
    await bound
  })
  afterAll(async () => {
    phone?.close()
    await killed?.close()
    await centre?.stop()
  })

  test('FN-10 SLS-04 what members said before it and waited for its bundle is sent after it, once', async () => {
    expect((await sms(/third/)).text).toMatch(/second\n.*third$/)
    // What was on its way when the node was killed may come once more; what waited may not.
    expect(submitted.items.filter(({ text: said }) => !said.endsWith('first'))).toEqual([])
  })

  test('SLS-03 who answers after the end hears so once, and then nothing', async () => {
    talk.connection.close()
    expect(await answers('where is everybody?')).toBe(0)
    await sms(/^The conversation was interrupted/)
    // The number is nobody's any more, or still that of the session.
    for (const words of ['hello?', 'hm']) expect([0, UNKNOWN, REFUSED]).toContain(await answers(words))
    await expect.poll(() => killed.metric('causeway_lane_queued', { lane: 'out.sms' })).toBe(0)
    expect(submitted.items.filter(({ text: said }) => !said.endsWith('first'))).toEqual([])
  })
})
