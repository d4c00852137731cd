import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../gateway/cpm/clock.js'
import type { Leg, ReferRequest } from '../../../gateway/sip/session-port.js'
import type { PhoneDialog, SessionAgent } from '../../../scripts/rig/session-agent.js'
import { header } from '../../../scripts/rig/sip-text.js'
import { aborted, type EdgeStage, openEdgeStage, SESSION_FEATURE, sdp, takeCalls, to } from './stage.js'

const never = new AbortController().signal

interface Talk {
  readonly stage: EdgeStage
  readonly peer: SessionAgent
  readonly leg: Leg
  readonly dialog: PhoneDialog
}

/** A session that we began. */
async function talk(answerHeaders: [string, string][] = [], clock = systemClock): Promise<Talk> {
  const stage = await openEdgeStage({ clock })
  const peer = await stage.agent('bob', 'builder')
  const calling = stage.house.edge.sessions.invite(to(peer), () => undefined, never)
  const call = await peer.calls.next('INVITE', () => true)
  const dialog = await call.accept(sdp('answer'), answerHeaders)
  const outcome = await calling
  if (outcome.kind !== 'accepted') throw new Error(outcome.kind)
  return { stage, peer, leg: outcome.leg, dialog }
}

const next = (dialog: PhoneDialog, method: string) =>
  dialog.requests.next(method, ({ request }) => request.method === method)

describe('a change of media', () => {
  test('MOD-06, MED-21: is offered by us and answered', async () => {
    const { leg, dialog } = await talk()
    const changing = leg.modify(sdp('more'))
    const offered = await next(dialog, 'INVITE')
    expect(offered.request.body.toString()).toBe(sdp('more'))
    offered.answer(200, [], sdp('yes'))
    expect(await changing).toEqual({ kind: 'answered', sdp: sdp('yes') })
  })

  test('MED-27: refused by the peer, the session goes on', async () => {
    const { leg, dialog, stage } = await talk()
    const changing = leg.modify(sdp('more'))
    const offered = await next(dialog, 'INVITE')
    offered.answer(488)
    expect(await changing).toMatchObject({ kind: 'refused', status: 488 })
    expect([leg.ended.aborted, stage.house.edge.sessions.legs()]).toEqual([false, 1])
  })

  test('MOD-04, MOD-09: is offered by the peer, by INVITE or UPDATE', async () => {
    const { leg, dialog } = await talk()
    const offers: string[] = []
    leg.onModify(async (offer) => {
      offers.push(offer)
      return { sdp: sdp('fine') }
    })
    const answer = await dialog.request('INVITE', [], sdp('one'))
    dialog.acknowledge(answer)
    expect([answer.status, answer.body.toString()]).toEqual([200, sdp('fine')])
    const updated = await dialog.request('UPDATE', [], sdp('two'))
    expect([updated.status, updated.body.toString()]).toEqual([200, sdp('fine')])
    expect(offers).toEqual([sdp('one'), sdp('two')])
  })

  test('nobody listens, or the listener refuses: 488, and the session goes on', async () => {
    const { leg, dialog } = await talk()
    expect((await dialog.request('INVITE', [], sdp('one'))).status).toBe(488)
    leg.onModify(async () => ({ status: 403 }))
    expect((await dialog.request('INVITE', [], sdp('one'))).status).toBe(403)
    expect(leg.ended.aborted).toBe(false)
  })

  test('MED-25: a refresh without a change is answered and told to nobody', async () => {
    const { leg, dialog } = await talk()
    leg.onModify(async () => {
      throw new Error('told')
    })
    const same = await dialog.request(
      'INVITE',
      [
        ['Supported', 'timer'],
        ['Session-Expires', '1800;refresher=uac'],
      ],
      sdp('answer'),
    )
    dialog.acknowledge(same)
    expect([same.status, same.body.toString(), header(same, 'session-expires')]).toEqual([
      200,
      sdp('offer'),
      '1800;refresher=uac',
    ])
    const empty = await dialog.request('UPDATE')
    expect([empty.status, empty.body.length]).toEqual([200, 0])
  })

  test('that meets one of the peer (491) is offered again (RFC 3261 §14.1)', async () => {
    // Only the wait after 491 is hurried.
    const hurried = {
      ...systemClock,
      after: (ms: number, run: () => void) => systemClock.after(ms >= 2_100 && ms < 4_001 ? 1 : ms, run),
    }
    const { leg, dialog } = await talk([], hurried)
    const changing = leg.modify(sdp('more'))
    const first = await next(dialog, 'INVITE')
    expect((await dialog.request('INVITE', [], sdp('mine'))).status).toBe(491)
    first.answer(491)
    const second = await next(dialog, 'INVITE')
    second.answer(200, [], sdp('yes'))
    expect(await changing).toEqual({ kind: 'answered', sdp: sdp('yes') })
  })
})

describe('the end', () => {
  test('an in-dialog request that nobody answers to ends the leg', async () => {
    const { leg, dialog, stage } = await talk()
    const changing = leg.modify(sdp('more'))
    const offered = await next(dialog, 'INVITE')
    offered.answer(481)
    expect(await changing).toMatchObject({ kind: 'refused', status: 481 })
    await aborted(leg.ended)
    expect(stage.house.edge.sessions.legs()).toBe(0)
  })

  test('a peer without session timer is asked whether he is there, and gone when he knows nothing of it', async () => {
    const probes: (() => void)[] = []
    const watched = {
      ...systemClock,
      after(ms: number, run: () => void) {
        if (ms !== 900_000) return systemClock.after(ms, run)
        probes.push(run)
        return () => undefined
      },
    }
    const { leg, dialog } = await talk([], watched)
    probes[0]?.()
    const asked = await next(dialog, 'OPTIONS')
    asked.answer(405)
    await expect.poll(() => probes.length).toBe(2)
    probes[1]?.()
    const again = await next(dialog, 'OPTIONS')
    again.answer(481)
    await aborted(leg.ended)
    await next(dialog, 'BYE')
  })

  test('a peer with session timer who does not refresh is gone (RFC 4028)', async () => {
    const { leg } = await talk([['Session-Expires', '1;refresher=uas']])
    await aborted(leg.ended)
  })

  test('with its node: each leg is ended by BYE', async () => {
    const { stage, dialog, leg } = await talk()
    await stage.house.edge.stop()
    const { request } = await next(dialog, 'BYE')
    expect(header(request, 'reason')).toContain('cause=503')
    expect(leg.ended.aborted).toBe(true)
    expect(stage.house.edge.sessions.legs()).toBe(0)
  })

  test('with the SIP server', async () => {
    const { stage, leg } = await talk()
    await stage.stopServer()
    await aborted(leg.ended)
    expect(stage.house.edge.sessions.legs()).toBe(0)
  })

  test('twice does nothing more; what is unknown gets 405 and does not end it', async () => {
    const { leg, dialog } = await talk()
    expect((await dialog.request('INFO')).status).toBe(405)
    expect((await dialog.request('MESSAGE', [['Content-Type', 'text/plain']], 'x')).status).toBe(405)
    expect((await dialog.request('OPTIONS')).status).toBe(200)
    await Promise.all([leg.end(), leg.end()])
    await next(dialog, 'BYE')
    expect(await leg.modify(sdp('x'))).toMatchObject({ kind: 'refused', status: 481 })
  })
})

describe('REFER', () => {
  test('GRP-ADD-01, GRP-RM-01: in the dialog names who is to be invited or removed, and hears of the outcome', async () => {
    const { leg, dialog } = await talk()
    expect((await dialog.request('REFER', [['Refer-To', '<tel:+12065550101>']])).status).toBe(405)
    const refers: ReferRequest[] = []
    leg.onRefer(async (refer) => {
      refers.push(refer)
      return { status: 200 }
    })
    expect((await dialog.request('REFER', [['Refer-To', '<tel:+12065550101>']])).status).toBe(200)
    expect(
      (
        await dialog.request('REFER', [
          ['Refer-To', '<sip:carol@cpm.example;method=BYE>'],
          ['Refer-Sub', 'false'],
        ])
      ).status,
    ).toBe(200)
    expect((await dialog.request('REFER', [['Refer-To', '<sip:carol@cpm.example?method=BYE>']])).status).toBe(200)
    expect((await dialog.request('REFER', [['Refer-To', '<urn:none>']])).status).toBe(400)
    expect(refers.map(({ method, users, wantsOutcome }) => [method, users[0], wantsOutcome])).toEqual([
      ['INVITE', 'tel:+12065550101', true],
      ['BYE', 'sip:carol@cpm.example', false],
      ['BYE', 'sip:carol@cpm.example', true],
    ])
    expect(refers[0]?.originator.uri).toBe('sip:bob@cpm.example')
    void refers[0]?.notify({ status: 200, reason: 'OK' })
    const told = await next(dialog, 'NOTIFY')
    told.answer(200)
    expect([header(told.request, 'event').split(';')[0], told.request.body.toString()]).toEqual([
      'refer',
      'SIP/2.0 200 OK\r\n',
    ])
  })

  test('RFC 5368: a list of users to be removed', async () => {
    const { leg, dialog } = await talk()
    const refers: ReferRequest[] = []
    leg.onRefer(async (refer) => {
      refers.push(refer)
      return { status: 200 }
    })
    const list = (entries: string) =>
      `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>${entries}</list></resource-lists>`
    const headers: [string, string][] = [
      ['Refer-To', '<cid:l1@cpm.example>'],
      ['Require', 'multiple-refer'],
      ['Content-Type', 'application/resource-lists+xml'],
    ]
    const entry = (uri: string) => `<entry uri="${uri}"/>`
    const removed = list(entry('sip:a@cpm.example;method=BYE') + entry('tel:+12065550109?method=BYE'))
    expect((await dialog.request('REFER', headers, removed)).status).toBe(200)
    expect(refers[0]).toMatchObject({ method: 'BYE', users: ['sip:a@cpm.example', 'tel:+12065550109'] })
    const mixed = list(entry('sip:a@cpm.example;method=BYE') + entry('sip:b@cpm.example'))
    expect((await dialog.request('REFER', headers, mixed)).status).toBe(400)
  })

  test('outside a dialog goes to the session identity', async () => {
    const stage = await openEdgeStage()
    const alice = await stage.agent()
    await alice.register(SESSION_FEATURE)
    const refer = () =>
      alice.ask('REFER', 'sip:s-1@cpm.example', [
        ['Refer-To', '<sip:bob@cpm.example>'],
        ['Contact', `<${alice.contact}>`],
      ])
    expect((await refer()).status).toBe(405)
    const told: Promise<void>[] = []
    stage.house.edge.sessions.onRefer(async (request) => {
      expect([request.target, request.originator.uri]).toEqual(['sip:s-1@cpm.example', 'sip:alice@cpm.example'])
      told.push(request.notify({ status: 603, reason: 'Decline' }))
      return { status: 200 }
    })
    expect((await refer()).status).toBe(200)
    await Promise.all(told)
  })
})

describe('an established session we answered', () => {
  test('SESS-15: is ended by us', async () => {
    const stage = await openEdgeStage()
    const nextCall = takeCalls(stage)
    const alice = await stage.agent()
    await alice.register(SESSION_FEATURE)
    const placed = alice.call('sip:bob@cpm.example', sdp('offer'))
    const call = await nextCall()
    const accepting = call.accept({
      sdp: sdp('answer'),
      focus: 'sip:s-9@conf.cpm.example' as typeof call.invitation.target,
    })
    const dialog = await placed.established()
    expect(header(dialog.made, 'contact')).toContain('<sip:s-9@conf.cpm.example>;isfocus')
    const leg = await accepting
    await leg.end()
    await next(dialog, 'BYE')
  })

  test('that nobody acknowledges does not stand', async () => {
    const stage = await openEdgeStage()
    const nextCall = takeCalls(stage)
    const alice = await stage.agent()
    await alice.register(SESSION_FEATURE)
    alice.call('sip:bob@cpm.example', sdp('offer'))
    const call = await nextCall()
    const accepting = call.accept({ sdp: sdp('answer') })
    const failed = expect(accepting).rejects.toThrow()
    await stage.house.edge.stop()
    await failed
  })
})
