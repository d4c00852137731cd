import { describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../../gateway/cpm/clock.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { OutgoingCall } from '../../../gateway/sip/session-port.js'
import { SessionGone } from '../../../gateway/sip/session-port.js'
import { header } from '../../../scripts/rig/sip-text.js'
import { aborted, openEdgeStage, SESSION, SESSION_FEATURE, sdp, takeCalls, to } from './stage.js'

const never = new AbortController().signal

describe('an INVITE that comes in', () => {
  test('CONV-01, CONV-02, CONV-03: is decoded, rung once, accepted and ended by the caller', async () => {
    const stage = await openEdgeStage()
    const next = takeCalls(stage)
    const alice = await stage.agent()
    await alice.register(SESSION_FEATURE)
    const placed = alice.call('sip:bob@cpm.example', sdp('offer'), [
      ['P-Preferred-Service', SESSION],
      ['Conversation-ID', 'conv-1'],
      ['Contribution-ID', 'contr-1'],
      ['InReplyTo-Contribution-ID', 'contr-0'],
      ['Subject', 'Lunch'],
      ['Expires', '60'],
    ])
    const call = await next()
    expect(call.invitation).toMatchObject({
      function: 'orig',
      from: 'sip:alice@cpm.example',
      target: 'sip:bob@cpm.example',
      icsi: 'oma.cpm.session',
      identities: { conversationId: 'conv-1', contributionId: 'contr-1', inReplyTo: 'contr-0' },
      subject: 'Lunch',
      offer: sdp('offer'),
      originator: { uri: 'sip:alice@cpm.example', device: alice.instance },
    })
    call.progress(180)
    call.progress(180)
    const accepting = call.accept({ sdp: sdp('answer') })
    const dialog = await placed.established()
    const leg = await accepting
    expect(dialog.made.body.toString()).toBe(sdp('answer'))
    expect(header(dialog.made, 'session-expires')).toBe('1800;refresher=uas')
    expect(placed.provisionals.items.map(({ status }) => status)).toEqual([180])
    expect(stage.house.edge.sessions.legs()).toBe(1)
    expect((await dialog.bye()).status).toBe(200)
    await aborted(leg.ended)
    expect(stage.house.edge.sessions.legs()).toBe(0)
  })

  test('CPM-CONV-013: is refused', async () => {
    const stage = await openEdgeStage()
    const next = takeCalls(stage)
    const alice = await stage.agent()
    await alice.register(SESSION_FEATURE)
    const placed = alice.call('sip:bob@cpm.example', sdp('offer'))
    const call = await next()
    expect(call.invitation.icsi).toBeUndefined()
    call.reject({ status: 603, warning: 'not now' })
    const refused = await placed.final
    expect([refused.status, header(refused, 'warning')]).toEqual([603, '399 cpm.example "not now"'])
    await expect(call.accept({ sdp: '' })).rejects.toBeInstanceOf(SessionGone)
  })

  test('is withdrawn by a CANCEL', async () => {
    const stage = await openEdgeStage()
    const next = takeCalls(stage)
    const alice = await stage.agent()
    await alice.register(SESSION_FEATURE)
    const placed = alice.call('sip:bob@cpm.example', sdp('offer'))
    const call = await next()
    call.progress(180)
    await placed.provisionals.next('180', () => true)
    expect((await placed.cancel()).status).toBe(200)
    expect((await placed.final).status).toBe(487)
    await aborted(call.withdrawn)
    await expect(call.accept({ sdp: sdp('late') })).rejects.toBeInstanceOf(SessionGone)
    expect(stage.house.edge.sessions.legs()).toBe(0)
  })

  test('two with one Call-ID are withdrawn each by its own CANCEL', async () => {
    const stage = await openEdgeStage()
    const next = takeCalls(stage)
    const alice = await stage.agent()
    await alice.register(SESSION_FEATURE)
    const placed = []
    const calls = []
    for (const name of ['one', 'two']) {
      placed.push(alice.call('sip:bob@cpm.example', sdp(name), [['Call-ID', 'same']]))
      const call = await next()
      call.progress(180)
      calls.push(call)
    }
    const [first, second] = placed
    await first?.cancel()
    expect((await first?.final)?.status).toBe(487)
    await aborted(calls[0]?.withdrawn)
    expect(calls[1]?.withdrawn.aborted).toBe(false)
    await second?.cancel()
    expect((await second?.final)?.status).toBe(487)
    await aborted(calls[1]?.withdrawn)
  })

  test('SLS-03: while the invitee considers for minutes, 180 is said again each minute, so that no proxy gives up', async () => {
    const minutes = new Set<() => void>()
    const after: Clock['after'] = (ms, run) => {
      if (ms !== 60_000) return systemClock.after(ms, run)
      minutes.add(run)
      return () => minutes.delete(run)
    }
    const minute = (): void => {
      for (const run of [...minutes]) if (minutes.delete(run)) run()
    }
    const stage = await openEdgeStage({ clock: { ...systemClock, after } })
    const next = takeCalls(stage)
    const alice = await stage.agent()
    await alice.register(SESSION_FEATURE)
    const placed = alice.call('sip:bob@cpm.example', sdp('offer'))
    const call = await next()
    const rings = () => placed.provisionals.next('180', ({ status }) => status === 180)
    call.progress(180)
    await rings()
    for (const _ of [1, 2, 3]) {
      minute()
      await rings()
    }
    call.reject({ status: 486 })
    expect((await placed.final).status).toBe(486)
    expect(minutes.size).toBe(0)
  })

  test('CPM-CONV-016: ends with its validity', async () => {
    const stage = await openEdgeStage()
    const next = takeCalls(stage)
    const alice = await stage.agent()
    await alice.register(SESSION_FEATURE)
    const placed = alice.call('sip:bob@cpm.example', sdp('offer'), [['Expires', '1']])
    const call = await next()
    call.progress(180)
    expect((await placed.final).status).toBe(487)
    await aborted(call.withdrawn)
  })

  test('MED-05, MED-22: without streams, with an unknown body, or with a session timer too short it is refused', async () => {
    const stage = await openEdgeStage()
    takeCalls(stage)
    const alice = await stage.agent()
    await alice.register(SESSION_FEATURE)
    const status = async (body: string, ...headers: [string, string][]) =>
      (await alice.call('sip:bob@cpm.example', body, headers).final).status
    expect(await status('')).toBe(488)
    expect(await status('x', ['Content-Type', 'text/plain'])).toBe(415)
    expect(await status(sdp('x'), ['Session-Expires', '30'], ['Supported', 'timer'])).toBe(422)
    expect(await status(sdp('x'), ['Require', 'precondition'])).toBe(420)
    expect(await status(sdp('x'), ['Contact', '<tel:+12065550100>'])).toBe(400)
  })

  test('without a handler it gets 405', async () => {
    const stage = await openEdgeStage()
    const alice = await stage.agent()
    await alice.register(SESSION_FEATURE)
    expect((await alice.call('sip:bob@cpm.example', sdp('offer')).final).status).toBe(405)
    const allowed = async () => header(await alice.ask('OPTIONS', 'sip:bob@cpm.example', []), 'allow')
    expect(await allowed()).not.toContain('INVITE')
    takeCalls(stage)
    expect(await allowed()).toContain('INVITE, ACK, CANCEL, BYE, UPDATE')
  })

  test('answers reliably only for who requires it, and refuses what waits when the node stops', async () => {
    const stage = await openEdgeStage()
    const next = takeCalls(stage)
    const alice = await stage.agent()
    await alice.register(SESSION_FEATURE)
    const placed = alice.call('sip:bob@cpm.example', sdp('offer'), [
      ['Require', '100rel'],
      ['Supported', '100rel'],
    ])
    const call = await next()
    call.progress(180)
    const ringing = await placed.provisionals.next('180', () => true)
    expect(header(ringing, 'rseq')).not.toBe('')
    await stage.house.edge.stop()
    expect((await placed.final).status).toBe(503)
  })

  test('a list of recipients comes with it (RFC 5366)', async () => {
    const stage = await openEdgeStage()
    const next = takeCalls(stage)
    const alice = await stage.agent()
    await alice.register(SESSION_FEATURE)
    const list =
      '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list><entry uri="tel:+12065550101"/><entry uri="sip:bob@cpm.example"/></list></resource-lists>'
    const parts = [
      `Content-Type: application/sdp\r\n\r\n${sdp('offer')}`,
      `Content-Type: application/resource-lists+xml\r\n\r\n${list}`,
    ]
    const body = `--b\r\n${parts.join('\r\n--b\r\n')}\r\n--b--\r\n`
    const headers: [string, string][] = [
      ['Content-Type', 'multipart/mixed;boundary=b'],
      ['Require', 'recipient-list-invite'],
    ]
    const placed = alice.call('sip:factory@cpm.example', body, headers)
    const call = await next()
    expect(call.invitation.listed?.map(({ uri }) => uri)).toEqual(['tel:+12065550101', 'sip:bob@cpm.example'])
    expect(call.invitation.offer.trim()).toBe(sdp('offer').trim())
    call.reject({ status: 404 })
    await placed.final
  })
})

describe('an INVITE that goes out', () => {
  test('SESS-13, CONV-09 to CONV-11: names the service, keeps the identities, and is accepted', async () => {
    const stage = await openEdgeStage()
    const bob = await stage.agent('bob', 'builder')
    const heard: number[] = []
    const identities = {
      conversationId: 'conv-2',
      contributionId: 'contr-2',
      inReplyTo: 'contr-1',
    } as OutgoingCall['identities']
    const calling = stage.house.edge.sessions.invite(
      to(bob, {
        identities,
        subject: 'Lunch',
        expiresAt: Date.now() + 60_000,
        referredBy: 'sip:dave@cpm.example' as Uri,
      }),
      (status) => heard.push(status),
      never,
    )
    const call = await bob.calls.next('INVITE', () => true)
    const { invite } = call
    const shown = ['conversation-id', 'contribution-id', 'inreplyto-contribution-id', 'subject', 'referred-by']
    expect(shown.map((name) => header(invite, name))).toEqual([
      'conv-2',
      'contr-2',
      'contr-1',
      'Lunch',
      '<sip:dave@cpm.example>',
    ])
    expect(header(invite, 'p-asserted-service')).toBe(SESSION)
    expect(header(invite, 'accept-contact')).toContain('oma.cpm.session";require;explicit')
    expect(header(invite, 'contact')).toContain('+g.3gpp.icsi-ref=')
    expect(Number(header(invite, 'expires'))).toBeGreaterThan(50)
    call.progress(180)
    call.progress(180)
    const dialog = await call.accept(sdp('answer'), [['Contribution-ID', 'contr-2']])
    const outcome = await calling
    if (outcome.kind !== 'accepted') throw new Error(outcome.kind)
    expect([outcome.sdp, outcome.identities, heard]).toEqual([sdp('answer'), { contributionId: 'contr-2' }, [180]])
    await outcome.leg.end({ status: 200, text: 'Call completed' })
    const { request } = await dialog.requests.next('BYE', ({ request }) => request.method === 'BYE')
    expect(header(request, 'reason')).toBe('SIP;cause=200;text="Call completed"')
    expect(stage.house.edge.sessions.legs()).toBe(0)
  })

  test('CPM-CONV-013: is refused, with the time to wait', async () => {
    const stage = await openEdgeStage()
    const bob = await stage.agent('bob', 'builder')
    const calling = stage.house.edge.sessions.invite(to(bob), () => undefined, never)
    const call = await bob.calls.next('INVITE', () => true)
    call.refuse(486, [['Retry-After', '20']])
    expect(await calling).toMatchObject({ kind: 'refused', status: 486, retryAfterSeconds: 20 })
  })

  test('CPM-CONV-017: is cancelled when its validity is over', async () => {
    const stage = await openEdgeStage()
    const bob = await stage.agent('bob', 'builder')
    const calling = stage.house.edge.sessions.invite(to(bob, { expiresAt: Date.now() + 300 }), () => undefined, never)
    const call = await bob.calls.next('INVITE', () => true)
    call.progress(180)
    await call.cancelled
    expect(await calling).toMatchObject({ kind: 'unanswered' })
  })

  test('FLOW-07b: is withdrawn, with the reason that it was answered elsewhere', async () => {
    const stage = await openEdgeStage()
    const bob = await stage.agent('bob', 'builder')
    const withdraw = new AbortController()
    const calling = stage.house.edge.sessions.invite(to(bob), () => withdraw.abort('elsewhere'), withdraw.signal)
    const call = await bob.calls.next('INVITE', () => true)
    call.progress(180)
    expect(header(await call.cancelled, 'reason')).toContain('Call completed elsewhere')
    expect(await calling).toEqual({ kind: 'withdrawn' })
  })

  test('a 200 that crosses the CANCEL is acknowledged and ended', async () => {
    const stage = await openEdgeStage()
    const bob = await stage.agent('bob', 'builder')
    const withdraw = new AbortController()
    const calling = stage.house.edge.sessions.invite(to(bob), () => undefined, withdraw.signal)
    const call = await bob.calls.next('INVITE', () => true)
    // No provisional answer: the CANCEL is held back, and the 200 comes first.
    withdraw.abort()
    const dialog = await call.accept(sdp('answer'))
    await dialog.requests.next('BYE', ({ request }) => request.method === 'BYE')
    expect(await calling).toEqual({ kind: 'withdrawn' })
    expect(stage.house.edge.sessions.legs()).toBe(0)
  })

  test('RFC 4028 §7.4: goes out again when the peer wants a longer interval', async () => {
    const stage = await openEdgeStage()
    const bob = await stage.agent('bob', 'builder')
    const calling = stage.house.edge.sessions.invite(to(bob), () => undefined, never)
    const first = await bob.calls.next('INVITE', () => true)
    expect(header(first.invite, 'session-expires')).toBe('1800;refresher=uac')
    first.refuse(422, [['Min-SE', '3600']])
    const second = await bob.calls.next('INVITE', () => true)
    expect(header(second.invite, 'session-expires')).toBe('3600;refresher=uac')
    second.refuse(603)
    expect(await calling).toMatchObject({ kind: 'refused', status: 603 })
  })

  test('CF-GRP-08, ID-13: with the session identity of a focus, and hears of one', async () => {
    const stage = await openEdgeStage()
    const bob = await stage.agent('bob', 'builder')
    const focus = 'sip:s-1@conf.cpm.example' as Uri
    const calling = stage.house.edge.sessions.invite(
      to(bob, { focus, icsi: 'oma.cpm.session.group' }),
      () => undefined,
      never,
    )
    const call = await bob.calls.next('INVITE', () => true)
    expect(header(call.invite, 'contact')).toContain('<sip:s-1@conf.cpm.example>;isfocus')
    await call.accept(sdp('answer'), [['Contact', `<sip:s-2@127.0.0.1:${bob.port}>;isfocus`]])
    const outcome = await calling
    expect(outcome.kind === 'accepted' && outcome.leg.focus).toBe(`sip:s-2@127.0.0.1:${bob.port}`)
  })
})
