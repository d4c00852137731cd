import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startXmppServer, type XmppServer } from '../../../adapters/im-xmpp/simulator/index.js'
import { attribute, child } from '../../../adapters/im-xmpp/stream/element.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { XmlElement } from '../../../gateway/cpm/xml.js'
import { type Inbox, inbox } from '../../../scripts/rig/inbox.js'
import { stillClock } from '../../contract-kit/clock.js'
import { startWorld, type World } from '../../peers/xmpp/world.js'

const ALICE = 'alice@cpm.xmpp.example'

describe('what must not come in', () => {
  let server: XmppServer
  let world: World
  let stanzas: Inbox<XmlElement>

  const start = async (more: Record<string, unknown> = {}, component: Record<string, unknown> = {}) => {
    const timers = { retryFirst: '20ms', retryMax: '50ms' }
    const all = { port: server.port, domain: 'cpm.xmpp.example', secret: 'secret', timers, ...component }
    world = await startWorld({ components: [all], ...more }, { clock: stillClock() })
    await world.ready()
  }

  beforeEach(async () => {
    server = await startXmppServer()
    stanzas = inbox<XmlElement>((element) => JSON.stringify(element))
    server.events.on('stanza', (element) => stanzas.push(element))
  })
  afterEach(async () => {
    await world.stop(AbortSignal.timeout(1_000))
    await server.stop()
  })

  const say = (from: string, text: string, more = '', id = text) =>
    server.write(`<message from='${from}' to='${ALICE}' id='${id}' type='chat'><body>${text}</body>${more}</message>`)
  const error = (id: string) =>
    stanzas.next(`the error ${id}`, (each) => attribute(each, 'type') === 'error' && attribute(each, 'id') === id)
  const condition = async (id: string) => child(await error(id), 'error')?.children[0]?.local
  /** Resolves when all that was written before has been handled. */
  const handled = () => server.say({ to: ALICE, text: 'the last word' })
  const texts = () => world.gateway.messages.map(({ content }) => ('text' in content ? content.text : ''))
  const refusals = async (why: string) => {
    const metric = await world.metrics.getSingleMetric('causeway_im_xmpp_refused_total')?.get()
    return metric?.values.find(({ labels }) => labels.why === why)?.value ?? 0
  }

  test('a sender who claims to be one of ours, or nobody, or writes to somebody elsewhere', async () => {
    await start()
    say(ALICE, 'spoofed')
    say(`dave@cpm.xmpp.example/x`, 'spoofed too')
    say('@@', 'nobody')
    server.write(`<message from='bob@xmpp.example' to='alice@elsewhere.example'><body>astray</body></message>`)
    await handled()
    expect(texts()).toEqual(['the last word'])
    expect(await refusals('spoofed')).toBe(2)
    expect(await refusals('address')).toBe(2)
  })

  test('a sender of a domain that is not accepted', async () => {
    await start({}, { accept: ['xmpp.example'] })
    say('mallory@evil.example/x', 'let me in')
    expect(await condition('let me in')).toBe('forbidden')
    await handled()
    expect(texts()).toEqual(['the last word'])
  })

  test('a flood of one sender is answered with errors and holds up nobody else', async () => {
    await start({ flood: { rate: 1, burst: 5 } })
    for (let index = 0; index < 20; index++) say('mallory@evil.example/x', `f${index}`)
    expect(await condition('f19')).toBe('resource-constraint')
    await handled()
    expect(texts().filter((text) => text.startsWith('f'))).toEqual(['f0', 'f1', 'f2', 'f3', 'f4'])
    expect(texts()).toContain('the last word')
    expect(await refusals('flood')).toBe(15)
  })

  test('a busy room is not answered with errors, which would put the user out', async () => {
    await start({ flood: { rate: 1, burst: 5 } })
    for (let index = 0; index < 20; index++)
      server.write(
        `<message from='tea@rooms.example/mallory' to='${ALICE}/cpm' id='g${index}' type='groupchat'><body>x</body></message>`,
      )
    await handled()
    expect(stanzas.items.filter((each) => attribute(each, 'id') === 'g19')).toEqual([])
    expect(await refusals('flood')).toBe(15)
  })

  test('a text that is too long', async () => {
    await start({ maxBody: 1_000 })
    say('bob@xmpp.example/x', 'x'.repeat(2_000), '', 'long')
    expect(await condition('long')).toBe('policy-violation')
  })

  test.each([
    ['long', 'x'.repeat(20_000)],
    ['deep', `</body>${'<a>'.repeat(200)}${'</a>'.repeat(200)}<body>`],
    ['wide', `</body>${'<a/>'.repeat(3_000)}<body>`],
    ['many attributes', `</body><a ${Array.from({ length: 100 }, (_, index) => `a${index}=''`).join(' ')}/><body>`],
  ])('a stanza that is too much goes back, and the stream goes on: %s', async (_, text) => {
    await start({}, { limits: { stanzaChars: 10_000 } })
    let connected = 0
    server.events.on('component', () => {
      connected += 1
    })
    say('mallory@evil.example/x', text, '', 'much')
    expect(await condition('much')).toBe('policy-violation')
    await handled()
    expect(texts()).toEqual(['the last word'])
    expect(await refusals('oversized')).toBe(1)
    expect(connected).toBe(0)
  })

  test('a bomb that claims to come from us, or is an error, is not answered', async () => {
    await start({}, { limits: { stanzaChars: 10_000 } })
    say(`${ALICE}/x`, 'x'.repeat(20_000), '', 'ours')
    server.write(
      `<message from='bob@xmpp.example' to='${ALICE}' id='error' type='error'><body>${'x'.repeat(20_000)}</body></message>`,
    )
    await handled()
    expect(stanzas.items.filter((each) => ['ours', 'error'].includes(attribute(each, 'id') ?? ''))).toEqual([])
  })

  test.each([
    ['entities', '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'],
    ['an entity', `<message from='m@evil.example' to='${ALICE}'><body>&b;</body></message>`],
    ['a comment', '<!-- x -->'],
    ['a program', '<?php x ?>'],
    ['no XML', '<message></presence>'],
    ['no UTF-8', '\ud800<'],
  ])('what no server may pass on ends the stream, which comes again: %s', async (_, text) => {
    await start()
    const away = world.gateway.until(() => (world.adapter.health().state === 'up' ? undefined : true))
    server.write(text)
    server.write('<presence/>')
    await away
    await world.ready()
    await handled()
    expect(texts()).toEqual(['the last word'])
  })

  test.each([
    '',
    '@',
    'a@',
    '@evil.example',
    'a b@evil.example',
    'a@b@evil.example',
    'a@evil..example/x',
    'a@-evil.example',
    'a\u200bb@evil.example',
    'a\u202eb@evil.example',
    `${'a'.repeat(1_024)}@evil.example`,
    `a@${'b'.repeat(254)}`,
    'a@evil.example/',
    'a@evil.example/\u0085',
    'a@[::1',
  ])('an address that is none is neither taken nor answered: %j', async (from) => {
    await start()
    say(from.replace(/&/g, '&amp;'), 'who am I', '', 'who')
    server.write(`<iq from='${from}' to='${ALICE}' id='who' type='get'><ping xmlns='urn:xmpp:ping'/></iq>`)
    server.write(`<presence from='${from}' to='${ALICE}' type='subscribe'/>`)
    await handled()
    expect(texts()).toEqual(['the last word'])
    expect(await refusals('address')).toBe(3)
    expect(stanzas.items.filter((each) => attribute(each, 'id') === 'who')).toEqual([])
  })

  test('the addresses of ours are known in every spelling', async () => {
    await start()
    for (const domain of ['CPM.xmpp.example', 'cpm.xmpp.example.', 'ｃｐｍ.xmpp.example', 'cpm。xmpp。example'])
      say(`dave@${domain}/x`, 'spoofed')
    await handled()
    expect(texts()).toEqual(['the last word'])
    expect(await refusals('spoofed')).toBe(4)
  })

  test('a flood of many senders of one domain is limited; the users of the server are not', async () => {
    await start({ flood: { domain: { rate: 1, burst: 5 } } })
    for (let index = 0; index < 20; index++) say(`m${index}@evil.example/x`, `f${index}`)
    for (let index = 0; index < 20; index++) say(`u${index}@xmpp.example/x`, `u${index}`)
    expect(await condition('f19')).toBe('resource-constraint')
    await handled()
    expect(texts().filter((text) => text.startsWith('f'))).toHaveLength(5)
    expect(texts().filter((text) => text.startsWith('u'))).toHaveLength(20)
  })

  test('a flood of subscriptions and questions is limited as well', async () => {
    await start({ flood: { rate: 1, burst: 5 } })
    for (let index = 0; index < 10; index++) {
      server.write(
        `<presence from='mallory@evil.example' to='u${index}@cpm.xmpp.example' type='subscribe' id='s${index}'/>`,
      )
      server.write(
        `<iq from='eve@evil.example' to='${ALICE}' id='q${index}' type='get'><ping xmlns='urn:xmpp:ping'/></iq>`,
      )
    }
    expect(await condition('s9')).toBe('resource-constraint')
    expect(await condition('q9')).toBe('resource-constraint')
    await handled()
    expect(world.presence.items).toHaveLength(5)
  })

  test('what a stanza calls itself makes no counter of its own', async () => {
    await start()
    for (let index = 0; index < 20; index++) {
      server.write(`<presence from='mallory@evil.example' to='${ALICE}' type='x${index}'/>`)
      server.write(
        `<message from='mallory@evil.example' to='${ALICE}' type='y${index}'><error type='z${index}'/></message>`,
      )
      server.write(`<z${index} from='mallory@evil.example' to='${ALICE}'/>`)
    }
    await handled()
    const text = await world.metrics.metrics()
    expect(text).not.toMatch(/"[xyz]\d+"/)
  })

  test('CPM-IWF-014 a probe tells nothing of anybody to somebody who may not see him', async () => {
    await start()
    const probe = async (to: string) => {
      server.write(`<presence from='mallory@evil.example/x' to='${to}' type='probe' id='p'/>`)
      const answer = await stanzas.next(
        'the answer',
        (each) => each.local === 'presence' && attribute(each, 'from') === to,
      )
      return [attribute(answer, 'type'), answer.children]
    }
    expect(await probe(ALICE)).toEqual(await probe('nobody@cpm.xmpp.example'))
    await handled()
    expect(world.presence.items).toEqual([])
  })

  test('a stanza that is a bomb ends the stream, which comes again', async () => {
    await start({}, { limits: { stanzaChars: 10_000 } })
    const away = world.gateway.until(() => (world.adapter.health().state === 'up' ? undefined : true))
    say('mallory@evil.example/x', 'x'.repeat(100_000), '', 'bomb')
    await away
    await world.ready()
    await handled()
    expect(texts()).toEqual(['the last word'])
    expect(await refusals('policy-violation')).toBe(1)
  })

  test('a receipt of somebody else is not believed', async () => {
    await start()
    const outcome = await world.send({ from: 'sip:alice@cpm.example' as Uri, to: 'xmpp:mute@xmpp.example' as Uri })
    if (outcome.kind !== 'accepted') throw new Error(outcome.kind)
    const id = String(outcome.parts[0]?.id)
    server.write(
      `<message from='mallory@evil.example/x' to='${ALICE}'><received xmlns='urn:xmpp:receipts' id='${id}'/></message>`,
    )
    const report = await world.gateway.until(() => world.gateway.reports[0])
    expect(report.keys).not.toEqual(outcome.parts[0]?.keys)
    expect(report.addresses).toEqual(['xmpp:mallory@evil.example'])
  })

  test('the same stanza again is the same message; the same words under another id are not', async () => {
    await start()
    for (const id of ['1', '1', '2']) say('bob@xmpp.example/x', 'hi', '', id)
    await handled()
    expect(texts()).toEqual(['hi', 'hi', 'the last word'])
  })

  test('an error is never answered with an error', async () => {
    await start()
    world.gateway.answerMessages(async () => ({ kind: 'refused', reason: 'unknown-recipient' }))
    server.write(`<message from='bob@xmpp.example' to='${ALICE}' id='e' type='error'><body>x</body><error/></message>`)
    server.write(`<iq from='bob@xmpp.example' to='${ALICE}' id='i' type='error'/>`)
    await handled()
    expect(stanzas.items.some((each) => ['e', 'i'].includes(attribute(each, 'id') ?? ''))).toBe(false)
  })

  test('presence of somebody who was not asked for is passed over', async () => {
    await start()
    for (const type of ['subscribed', 'unsubscribed', 'unavailable', 'error'])
      server.write(`<presence from='mallory@evil.example/x' to='${ALICE}' type='${type}'/>`)
    server.write(`<presence from='mallory@evil.example/x' to='${ALICE}'/>`)
    await server.say({ from: 'mallory@evil.example', to: ALICE, text: 'done' })
    expect(world.presence.items).toEqual([])
  })

  test('a server that does not want us is a health, not an error', async () => {
    world = await startWorld({ components: [{ port: server.port, domain: 'cpm.xmpp.example', secret: 'wrong' }] })
    await world.gateway.until(() => (world.adapter.health().state === 'refused' ? true : undefined))
    expect(world.adapter.health().detail).toContain('not-authorized')
  })
})
