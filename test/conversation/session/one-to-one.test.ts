import { describe, expect, test } from 'vitest'
import { header } from '../../../scripts/rig/sip-text.js'
import { openMsrpPhone } from './msrp-phone.js'
import { features, openSessionStage, SESSION } from './stage.js'
import { audio, BOB, ICSI, invited, talk } from './talk.js'

describe('a session between two users', () => {
  test('SESS-01, SESS-05..08, SESS-11..13, ID-14, FLOW-04, CONV-09..11: is set up and released by the inviter', async () => {
    const stage = await openSessionStage()
    const phone = await openMsrpPhone()
    const { placed, call, here, there } = await talk(stage, phone.sdp(), phone.sdp({ setup: 'active' }), [
      ICSI,
      ['Conversation-ID', 'conv-1'],
      ['Contribution-ID', 'contr-1'],
      ['InReplyTo-Contribution-ID', 'contr-0'],
      ['Subject', 'Lunch'],
      ['Session-Replaces', 'contr-9'],
      ['Expires', '120'],
    ])
    const shown = [
      'conversation-id',
      'contribution-id',
      'inreplyto-contribution-id',
      'subject',
      'session-replaces',
      'p-asserted-service',
    ]
    expect(shown.map((name) => header(call.invite, name))).toEqual([
      'conv-1',
      'contr-1',
      'contr-0',
      'Lunch',
      'contr-9',
      SESSION,
    ])
    expect(header(call.invite, 'accept-contact')).toContain('oma.cpm.session')
    expect(Number(header(call.invite, 'expires'))).toBeGreaterThan(110)
    expect(header(call.invite, 'p-asserted-identity')).toContain('sip:alice@cpm.example')
    // Media do not pass through us: descriptions and the Call-ID are the inviter's (SESS-09, SESS-14).
    expect(call.invite.body.toString()).toBe(phone.sdp())
    expect(here.made.body.toString()).toBe(phone.sdp({ setup: 'active' }))
    expect(header(call.invite, 'call-id')).toBe(header(placed.invite, 'call-id'))
    // Without a focus nobody is one.
    expect(header(call.invite, 'contact') + header(here.made, 'contact')).not.toContain('isfocus')
    expect(stage.media.sessions).toBe(0)
    expect((await here.bye()).status).toBe(200)
    await there.requests.next('BYE', ({ request }) => request.method === 'BYE')
    await stage.nothingLeft()
    expect(stage.charged.map(({ kind, outcome, id }) => [kind, outcome, id])).toEqual([
      ['session', 'begun', 'contr-1'],
      ['session', 'released', 'contr-1'],
    ])
    await phone.close()
  })

  test('SESS-15: is released by the invitee', async () => {
    const stage = await openSessionStage()
    const { here, there } = await talk(stage, audio(), audio(5000))
    expect((await there.bye()).status).toBe(200)
    await here.requests.next('BYE', ({ request }) => request.method === 'BYE')
    await stage.nothingLeft()
  })

  test.each([486, 603, 480])('CPM-CONV-013: %d of the invitee reaches the inviter', async (status) => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const bob = await stage.device('bob')
    const phone = await openMsrpPhone()
    const placed = alice.call(BOB, phone.sdp(), [ICSI])
    ;(await invited(bob)).refuse(status)
    expect((await placed.final).status).toBe(status)
    await stage.nothingLeft()
    await phone.close()
  })

  test('GAP-07, GAP-09: what a device says of networks and charging counts for nothing, and reaches nobody', async () => {
    const stage = await openSessionStage()
    const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
    const phone = await openMsrpPhone()
    const placed = alice.call(BOB, phone.sdp(), [
      ICSI,
      ['P-Access-Network-Info', 'IEEE-802.11;i-wlan-node-id=00'],
      ['P-Charging-Vector', 'icid-value=made-up'],
    ])
    const call = await invited(bob)
    expect(JSON.stringify(call.invite.headers)).not.toMatch(/p-access-network-info|made-up/i)
    call.refuse(486)
    await placed.final
    expect(JSON.stringify(stage.charged)).not.toContain('made-up')
    expect(stage.charged).toHaveLength(1)
    await stage.nothingLeft()
    await phone.close()
  })

  test('is withdrawn by the inviter', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const bob = await stage.device('bob')
    const phone = await openMsrpPhone()
    const placed = alice.call(BOB, phone.sdp(), [ICSI])
    const call = await invited(bob)
    call.progress(180)
    await placed.provisionals.next('180', () => true)
    await placed.cancel()
    await call.cancelled
    expect((await placed.final).status).toBe(487)
    await stage.nothingLeft()
    await phone.close()
  })

  test('a 200 that crosses the withdrawal ends at once', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const bob = await stage.device('bob')
    const phone = await openMsrpPhone()
    const placed = alice.call(BOB, phone.sdp(), [ICSI])
    const call = await invited(bob)
    const [, there] = await Promise.all([placed.cancel(), call.accept(phone.sdp({ setup: 'active' }))])
    await there.requests.next('BYE', ({ request }) => request.method === 'BYE')
    await stage.nothingLeft()
    await phone.close()
  })

  test('CPM-CONV-016, CPM-CONV-017: at the end of its validity both sides are told', async () => {
    const stage = await openSessionStage({ sessions: { validity: '300ms' } })
    const alice = await stage.device('alice')
    const bob = await stage.device('bob')
    const phone = await openMsrpPhone()
    const placed = alice.call(BOB, phone.sdp(), [ICSI])
    const call = await invited(bob)
    call.progress(180)
    await call.cancelled
    expect((await placed.final).status).toBe(408)
    await stage.nothingLeft()
    await phone.close()
  })

  test('SESS-00, SESS-03: an INVITE that names no CPM service is refused where the provider wants it', async () => {
    const stage = await openSessionStage({ sessions: { withoutService: 'refuse' } })
    const alice = await stage.device('alice')
    const call = async (...headers: [string, string][]) => (await alice.call(BOB, audio(), headers).final).status
    expect(await call()).toBe(403)
    expect(await call(['P-Preferred-Service', 'urn:urn-7:3gpp-service.ims.icsi.mmtel'])).toBe(403)
    expect(await call(['P-Preferred-Service', 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.operator'])).toBe(480)
  })

  test('SESS-07, SESS-11: a barred inviter gets 403, a blocked one 603, and nobody is asked', async () => {
    const stage = await openSessionStage({
      conversation: { senders: { barred: ['sip:carol@cpm.example'] } },
      preferences: { bob: { blocked: ['sip:alice@cpm.example'] } },
    })
    const bob = await stage.device('bob')
    const carol = await stage.device('carol')
    const alice = await stage.device('alice')
    expect((await carol.call(BOB, audio(), [ICSI]).final).status).toBe(403)
    expect((await alice.call(BOB, audio(), [ICSI]).final).status).toBe(603)
    expect(bob.calls.items).toEqual([])
  })

  test('CONV-07, CONV-09: a conversation without its contribution gets one, or 400; what is not there stays away', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const bob = await stage.device('bob', features(['session'], ['audio']))
    const shown = async (headers: [string, string][]) => {
      alice.call(BOB, audio(), [ICSI, ...headers])
      const { invite } = await invited(bob)
      return [header(invite, 'conversation-id'), header(invite, 'contribution-id')]
    }
    const [conversation, contribution] = await shown([['Conversation-ID', 'alone']])
    expect([conversation, /^[0-9a-f-]{36}$/.test(contribution ?? '')]).toEqual(['alone', true])
    expect(await shown([])).toEqual(['', ''])
    const strict = await openSessionStage({ conversation: { identities: 'refuse' } })
    const carol = await strict.device('carol')
    expect((await carol.call(BOB, audio(), [ICSI, ['Conversation-ID', 'alone']]).final).status).toBe(400)
  })

  test('more sessions than the node takes get 503', async () => {
    const stage = await openSessionStage({ sessions: { maxSessions: 1 } })
    const { alice } = await talk(stage, audio(), audio(5000))
    const refused = await alice.call(BOB, audio(), [ICSI]).final
    expect([refused.status, header(refused, 'retry-after')]).toEqual([503, '5'])
  })

  test('CPM-CONV-039: several at once do not mix', async () => {
    const stage = await openSessionStage()
    const phone = await openMsrpPhone()
    const alice = await stage.device('alice')
    const bob = await stage.device('bob')
    const talks = []
    for (const id of ['one', 'two']) {
      const placed = alice.call(BOB, phone.sdp(), [ICSI, ['Contribution-ID', id]])
      const call = await invited(bob)
      talks.push({
        id: header(call.invite, 'contribution-id'),
        there: await Promise.all([call.accept(phone.sdp({ setup: 'active' })), placed.established()]),
      })
    }
    expect(talks.map(({ id }) => id)).toEqual(['one', 'two'])
    await talks[0]?.there[1].bye()
    await talks[0]?.there[0].requests.next('BYE', ({ request }) => request.method === 'BYE')
    expect([stage.server.sessions(), talks[1]?.there[0].requests.items.length]).toEqual([1, 0])
    await phone.close()
  })

  test('a side that is gone without a BYE: the other one is told when the session timer runs out', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const bob = await stage.device('bob', features(['session'], ['audio']))
    const placed = alice.call(BOB, audio(), [ICSI])
    const call = await invited(bob)
    const timer: [string, string] = ['Session-Expires', '1;refresher=uas']
    const [, here] = await Promise.all([call.accept(audio(5000), [timer]), placed.established()])
    bob.die()
    await here.requests.next('BYE', () => true)
    await stage.nothingLeft()
  })

  test('after a restart nobody knows the session: who goes on with it gets 481, and ends it', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const headers: [string, string][] = [['To', `<${BOB}>;tag=before`]]
    expect((await alice.ask('BYE', BOB, headers)).status).toBe(481)
    expect((await alice.call(BOB, audio(), [ICSI, ...headers]).final).status).toBe(481)
  })

  test('with the node both sides are ended', async () => {
    const stage = await openSessionStage()
    const { here, there } = await talk(stage, audio(), audio(5000))
    await stage.stop()
    await here.requests.next('BYE', ({ request }) => request.method === 'BYE')
    await there.requests.next('BYE', ({ request }) => request.method === 'BYE')
  })
})
