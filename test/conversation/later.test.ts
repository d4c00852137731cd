import { describe, expect, test } from 'vitest'
import type { Uri } from '../../gateway/cpm/ids.js'
import { readCpim, writeCpim } from '../../scripts/rig/cpim.js'
import { header } from '../../scripts/rig/sip-text.js'
import type { UserAgent } from '../../scripts/rig/user-agent.js'
import { freshPrefix } from '../support/redis.js'
import { DOMAIN, openCore, openStage } from './stage.js'

const BOB = `sip:bob@${DOMAIN}`
const ALICE = `sip:alice@${DOMAIN}`
const CAROL = `sip:carol@${DOMAIN}`
const BOTH = ['positive-delivery', 'negative-delivery']
const SOON_MS = 1_500
const HOUR_MS = 3_600_000

const cpim = (at: number, to = BOB, messageId = 'later-1') =>
  writeCpim({ from: ALICE, to, text: 'good morning', report: BOTH, messageId }).replace(
    '\r\n\r\n',
    `\r\nNS: cw <tag:causeway.invalid,2026:cpim>\r\ncw.Deliver-At: ${new Date(at).toISOString()}\r\n\r\n`,
  )
const expires = (ms: number): [string, string] => ['Expires', String(ms / 1000)]
const say = (alice: UserAgent, at: number, life = HOUR_MS) => alice.message(BOB, cpim(at), [expires(life)])

describe('a message that says when it is to arrive, to a CPM user', () => {
  test('is accepted, kept over a kill, and arrives then, once; no history shows it before', async () => {
    const prefix = freshPrefix()
    const options = { prefix, preferences: { bob: { history: true } }, conversation: { history: { offered: true } } }
    const before = await openStage(options)
    const [alice, bob] = [await before.device('alice'), await before.device('bob')]
    const at = Date.now() + SOON_MS
    expect((await say(alice, at)).status).toBe(202)
    expect((await say(alice, at)).status).toBe(202)
    expect((await before.history.read(BOB as Uri, {})).items).toEqual([])
    expect(bob.messages.items).toEqual([])
    await before.abandon()
    const after = await openStage(options)
    const [again, sender] = [await after.device('bob'), await after.device('alice')]
    expect((await again.nextText('the message')).text).toBe('good morning')
    expect(Date.now()).toBeGreaterThanOrEqual(at)
    expect(await sender.nextReport('later-1')).toMatchObject({ status: 'delivered' })
    await expect.poll(async () => (await after.history.read(BOB as Uri, {})).items.length).toBe(1)
    expect(again.messages.items).toEqual([])
  })

  test('goes by a service then, when he is away then', async () => {
    const stage = await openStage({ services: { sms: {} }, preferences: { bob: { unavailable: 'interwork' } } })
    const alice = await stage.device('alice')
    const at = Date.now() + SOON_MS
    expect((await say(alice, at)).status).toBe(202)
    expect(await stage.service('sms').offered.next('the message', () => true)).toMatchObject({
      to: 'tel:+12065550102',
    })
    expect(Date.now()).toBeGreaterThanOrEqual(at)
  })

  test('its sender hears of it when it is refused then', async () => {
    const stage = await openStage({ preferences: { bob: { blocked: [ALICE] } } })
    const alice = await stage.device('alice')
    expect((await say(alice, Date.now() + SOON_MS)).status).toBe(202)
    expect(await alice.nextReport('later-1')).toMatchObject({ status: 'failed' })
  })

  test('is another one to another user, whatever its Message-ID', async () => {
    const stage = await openStage()
    const [alice, bob, carol] = [await stage.device('alice'), await stage.device('bob'), await stage.device('carol')]
    const at = Date.now() + SOON_MS
    expect((await say(alice, at)).status).toBe(202)
    expect((await alice.message(CAROL, cpim(at, CAROL), [expires(HOUR_MS)])).status).toBe(202)
    for (const each of [bob, carol]) expect((await each.nextText('the message')).text).toBe('good morning')
  })

  test('is refused at once when it would not live as long; a time that is over means at once', async () => {
    const stage = await openStage({ conversation: { deferred: { maxLife: '1h' } } })
    const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
    expect((await say(alice, Date.now() + 2 * HOUR_MS, 10 * HOUR_MS)).status).toBe(400)
    expect((await say(alice, Date.now() - HOUR_MS)).status).toBe(200)
    expect((await bob.nextText('the message')).text).toBe('good morning')
  })

  test('behind an external core it is sent then as one that has waited, not along a way that is forgotten', async () => {
    const core = await openCore()
    const stage = await openStage({ core: core.uri })
    core.gateway = stage.sip
    const at = Date.now() + SOON_MS
    const own = `${stage.sip.host}:${stage.sip.port}`
    const answer = await core.send({
      target: BOB,
      route: `<sip:term@${own};lr>, <sip:odi_1@${core.uri.slice(4)};lr>`,
      headers: [['P-Asserted-Identity', `<${ALICE}>`], expires(HOUR_MS)],
      body: cpim(at),
    })
    expect(answer.status).toBe(202)
    const sent = await core.requests.next('the message', ({ method }) => method === 'MESSAGE')
    expect(Date.now()).toBeGreaterThanOrEqual(at)
    expect(readCpim(sent.body)?.text).toBe('good morning')
    expect(header(sent, 'Route')).not.toContain('odi_1')
    expect(header(sent, 'P-Asserted-Service')).toContain('oma.cpm.deferred')
  })
})
