import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ControlClient } from '../../../gateway/sip-server/control/control-client.js'
import { admit } from '../../../gateway/sip-server/dialog/admission.js'
import { dialogOfRequest, dialogOfResponse, refreshTarget } from '../../../gateway/sip-server/dialog/create.js'
import type { Dialog } from '../../../gateway/sip-server/dialog/dialog.js'
import { DialogTable } from '../../../gateway/sip-server/dialog/dialog-table.js'
import { dialogDraft } from '../../../gateway/sip-server/dialog/draft.js'
import { behindNat } from '../../../gateway/sip-server/dialog/nat.js'
import { repeatUntilAcknowledged } from '../../../gateway/sip-server/dialog/repeat.js'
import { addressing, contactUri, recordRoutes } from '../../../gateway/sip-server/dialog/routing.js'
import { notifiedState } from '../../../gateway/sip-server/dialog/subscription.js'
import { field, header, type SipRequest, type SipResponse } from '../../../gateway/sip-server/message/message.js'
import type { Flow } from '../../../gateway/sip-server/transport/flow.js'
import { FakeClock } from '../support/fake-clock.js'

const LOCAL = { host: '127.0.0.1', port: 5060 }

function flowFrom(host: string, port: number, transport: 'udp' | 'tcp' = 'udp'): Flow {
  const flow: Flow = {
    transport,
    local: LOCAL,
    remote: { host, port },
    open: true,
    answering: () => flow,
    send: () => {},
  }
  return flow
}

function owner(): ControlClient {
  const client: unknown = { connected: true }
  if (!isClient(client)) throw new Error('unreachable')
  return client
}

function isClient(value: unknown): value is ControlClient {
  return typeof value === 'object'
}

function request(method: string, headers: readonly [string, string][] = []): SipRequest {
  const base: [string, string][] = [
    ['From', '<sip:alice@h>;tag=a'],
    ['To', '<sip:bob@h>'],
    ['Call-ID', 'c1'],
    ['CSeq', `5 ${method}`],
    ['Contact', '<sip:alice@192.0.2.1:5080>'],
  ]
  const given = new Set(headers.map(([name]) => name))
  const all = [...base.filter(([name]) => !given.has(name)), ...headers]
  return {
    kind: 'request',
    method,
    uri: 'sip:bob@h',
    version: 'SIP/2.0',
    headers: all.map(([name, value]) => field(name, value)),
  }
}

function response(headers: readonly [string, string][]): SipResponse {
  const all = headers.map(([name, value]) => field(name, value))
  return { kind: 'response', status: 200, reason: 'OK', version: 'SIP/2.0', headers: all }
}

function called(headers: readonly [string, string][] = [], flow = flowFrom('192.0.2.1', 5080)): Dialog {
  const contact = '<sip:gw@127.0.0.1:5060>'
  return dialogOfRequest({ request: request('INVITE', headers), localTag: 'b', flow, contact, owner: owner() })
}

describe('route sets (RFC 3261 12.1, 12.2.1.1)', () => {
  const routes: [string, string][] = [
    ['Record-Route', '<sip:p1.example;lr>, <sip:p2.example;lr>'],
    ['Record-Route', '<sip:p3.example;lr>'],
  ]

  it('called: Record-Route in its order; calling: the other way round', () => {
    expect(called(routes).routeSet).toEqual(['<sip:p1.example;lr>', '<sip:p2.example;lr>', '<sip:p3.example;lr>'])
    const made = dialogOfResponse({
      request: request('INVITE'),
      response: response([...routes, ['To', '<sip:bob@h>;tag=x'], ['Contact', '<sip:bob@b>']]),
      flow: flowFrom('192.0.2.9', 5060),
      contact: '<sip:gw@h>',
      owner: owner(),
    })
    expect(made.routeSet).toEqual(['<sip:p3.example;lr>', '<sip:p2.example;lr>', '<sip:p1.example;lr>'])
    expect([made.id, made.remoteTag, made.remoteTarget, made.localSequence]).toEqual([
      'c1;from-tag=a',
      'x',
      'sip:bob@b',
      5,
    ])
  })

  it('a loose router is told the way in Route, a strict one gets the request as its own', () => {
    expect(addressing('sip:a@ue', [])).toEqual({ requestUri: 'sip:a@ue', routes: [], hop: 'sip:a@ue' })
    expect(addressing('sip:a@ue', ['<sip:p1;lr>', '<sip:p2;lr>'])).toEqual({
      requestUri: 'sip:a@ue',
      routes: ['<sip:p1;lr>', '<sip:p2;lr>'],
      hop: 'sip:p1;lr',
    })
    expect(addressing('sip:a@ue', ['<sip:p1;method=INVITE?x=y>', '<sip:p2;lr>'])).toEqual({
      requestUri: 'sip:p1',
      routes: ['<sip:p2;lr>', '<sip:a@ue>'],
      hop: 'sip:p1',
    })
  })

  it('one value for each element; the first Contact counts', () => {
    expect(recordRoutes(request('INVITE', routes).headers)).toHaveLength(3)
    expect(contactUri([field('Contact', '"A, B" <sip:x@y>;q=1, <sip:z@y>')])).toBe('sip:x@y')
    expect(contactUri([])).toBeUndefined()
  })

  it('what a peer writes there never throws', () => {
    const value = fc.oneof(fc.string(), fc.stringMatching(/^[<>",;:=?a-z@. ]{0,40}$/))
    fc.assert(
      fc.property(fc.array(value, { maxLength: 4 }), value, (routes, target) => {
        const headers = routes.flatMap((route) => [field('Record-Route', route), field('Contact', route)])
        contactUri(headers)
        notifiedState(request('NOTIFY', [['Subscription-State', target]]))
        behindNat('uas', { transport: 'udp', source: LOCAL, contact: target, routeSet: [] })
        return addressing(target, recordRoutes(headers)).routes.length <= routes.join().split(',').length + 1
      }),
    )
  })

  it('a target refresh moves the Contact and leaves the routes', () => {
    const dialog = called(routes)
    refreshTarget(
      dialog,
      request('INVITE', [
        ['Contact', '<sip:alice@new>'],
        ['Record-Route', '<sip:evil;lr>'],
      ]),
      flowFrom('192.0.2.1', 1),
    )
    expect([dialog.remoteTarget, dialog.routeSet.length]).toEqual(['sip:alice@new', 3])
    refreshTarget(dialog, request('INVITE', [['Contact', '']]), flowFrom('192.0.2.1', 1))
    expect(dialog.remoteTarget).toBe('sip:alice@new')
  })
})

describe('requests within a dialog', () => {
  it('have its tags, Call-ID, number, routes and Contact, whatever the application wrote there', () => {
    const dialog = called([['Record-Route', '<sip:p1;lr>']])
    const headers = [field('From', '<sip:x@y>'), field('Route', '<sip:z>'), field('X-Own', '1'), field('cseq', '9')]
    const { draft, hop } = dialogDraft(dialog, { method: 'INFO', headers, body: 'v=0', sequence: 6 }, LOCAL)
    expect(hop).toBe('sip:p1;lr')
    expect(draft.uri).toBe('sip:alice@192.0.2.1:5080')
    expect(draft.headers.map(({ name, value }) => `${name}: ${value}`)).toEqual([
      'Max-Forwards: 70',
      'Route: <sip:p1;lr>',
      'From: <sip:bob@h>;tag=b',
      'To: <sip:alice@h>;tag=a',
      'Call-ID: c1',
      'CSeq: 6 INFO',
      'X-Own: 1',
      'Content-Type: application/sdp',
      'Content-Length: 3',
    ])
    const invite = dialogDraft(dialog, { method: 'INVITE', headers: [], body: '', sequence: 7 }, LOCAL)
    expect(invite.draft.headers.find(({ key }) => key === 'contact')?.value).toBe('<sip:gw@127.0.0.1:5060>')
  })
})

describe('a peer behind NAT', () => {
  const source = { host: '198.51.100.7', port: 4444 }
  const udp = { transport: 'udp', source, routeSet: [] } as const

  it('is answered where it speaks from when its Contact is elsewhere', () => {
    expect(behindNat('uas', { ...udp, contact: 'sip:a@10.0.0.1' })).toEqual(source)
    expect(behindNat('uas', { ...udp, contact: 'sip:a@198.51.100.7:5060' })).toEqual(source)
    expect(behindNat('uas', { ...udp, contact: 'sip:a@198.51.100.7:4444' })).toBeUndefined()
    expect(behindNat('uas', { ...udp, contact: 'sip:a@198.51.100.7' })).toBeUndefined()
    expect(behindNat('uac', { ...udp, contact: 'sip:a@10.0.0.1' })).toEqual(source)
    expect(behindNat('uac', { ...udp, contact: 'sip:a@198.51.100.7:5060' })).toBeUndefined()
  })

  it('also when its Contact is no SIP URI', () => {
    expect(behindNat('uas', { ...udp, contact: 'tel:+1555' })).toEqual(source)
    expect(called([['Contact', '']]).remoteTarget).toBe('sip:alice@h')
  })

  it('is not, over a connection or through proxies', () => {
    expect(behindNat('uas', { ...udp, transport: 'tcp', contact: 'sip:a@10.0.0.1' })).toBeUndefined()
    expect(behindNat('uas', { ...udp, routeSet: ['<sip:p;lr>'], contact: 'sip:a@10.0.0.1' })).toBeUndefined()
  })
})

describe('who is admitted (RFC 3261 12.2.2)', () => {
  function table() {
    const dialogs = new DialogTable()
    const dialog = called()
    dialog.state = 'confirmed'
    dialogs.put(dialog)
    return { dialogs, dialog }
  }
  const inside = (sequence: number, to = '<sip:bob@h>;tag=b') =>
    request('INFO', [
      ['To', to],
      ['CSeq', `${sequence} INFO`],
    ])

  it('by both tags and the Call-ID; a number not above the last gets 500, gaps are fine', () => {
    const { dialogs, dialog } = table()
    expect(admit(request('INFO'), dialogs).kind).toBe('outside')
    expect(admit(inside(6, '<sip:bob@h>;tag=other'), dialogs)).toMatchObject({ refusal: { status: 481 } })
    expect(admit(inside(5), dialogs)).toMatchObject({ refusal: { status: 500 } })
    expect(admit(inside(50), dialogs)).toEqual({ kind: 'inside', dialog })
    expect(admit(inside(49), dialogs)).toMatchObject({ refusal: { status: 500 } })
  })

  it('an early dialog is known to peers, and to clients only when it is reliable or confirmed', () => {
    const dialogs = new DialogTable()
    const dialog = called()
    dialogs.put(dialog)
    expect(dialogs.match('c1', 'b', 'a')).toBe(dialog)
    expect(dialogs.find(dialog.id)).toBeUndefined()
    dialog.state = 'reliable'
    dialogs.put(dialog)
    expect(dialogs.find(dialog.id)).toBe(dialog)
    expect([dialogs.end(dialog), dialogs.end(dialog), dialogs.size]).toEqual([true, false, 0])
    expect(dialogs.find(dialog.id)).toBeUndefined()
  })

  it('the end of a dialog takes its timers along, and lets what waited for the ACK go', () => {
    const { dialogs, dialog } = table()
    const done: string[] = []
    dialog.timers.set('session', () => done.push('timer'))
    const waiting = [() => done.push(`waited:${dialog.state}`)]
    dialog.awaitedAck = {
      from: 'peer',
      sequence: 5,
      transactionId: 't',
      waiting,
      stopRepeating: () => done.push('stop'),
    }
    dialogs.end(dialog)
    expect(done).toEqual(['timer', 'stop', 'waited:ended'])
  })
})

describe('repetition until it is acknowledged', () => {
  it('doubles up to the longest interval, and gives up after 64*T1', () => {
    const clock = new FakeClock()
    const startedAt = clock.now()
    const events: number[] = []
    const again = () => events.push(clock.now() - startedAt)
    const givenUp = () => events.push(-(clock.now() - startedAt))
    repeatUntilAcknowledged({ clock, longestMs: 4_000, again, givenUp })
    clock.advance(100_000)
    expect(events).toEqual([500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500, -32_000])
    expect(clock.pending).toBe(0)
  })

  it('ends when it is acknowledged', () => {
    const clock = new FakeClock()
    const end = repeatUntilAcknowledged({ clock, longestMs: 4_000, again: () => {}, givenUp: () => {} })
    end()
    expect(clock.pending).toBe(0)
  })
})

describe('Subscription-State', () => {
  it('tells the end and the time that is left', () => {
    const state = (value: string) => notifiedState(request('NOTIFY', [['Subscription-State', value]]))
    expect(state('active;expires=60')).toEqual({ terminated: false, expires: '60' })
    expect(state(' Terminated ;reason=timeout')).toEqual({ terminated: true })
    expect(notifiedState(request('NOTIFY'))).toEqual({ terminated: false })
    expect(header(request('NOTIFY'), 'subscription-state')).toBeUndefined()
  })
})
