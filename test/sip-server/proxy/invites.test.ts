import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../support/fake-clock.js'
import { headerOf, type RequestParts, requestText, responseText } from '../support/sip-text.js'
import type { UdpPeer } from '../support/udp-peer.js'
import { hadNothing, recordedFor, type Stage, type StageOptions, setStage, startOf, until } from './stage.js'

let stage: Stage | undefined
afterEach(async () => {
  await stage?.stop()
  stage = undefined
})

const SDP = 'v=0\r\ns=-\r\n'

interface Play extends Stage {
  readonly one: UdpPeer
  readonly two: UdpPeer
  /** What each peer was sent so far, in start lines. */
  readonly seen: Map<UdpPeer, string[]>
  /** What a peer is sent next. */
  next(peer: UdpPeer): Promise<string>
  /** A callee's answer to a request. */
  answer(callee: UdpPeer, request: string, status: string, extra?: readonly string[]): void
  invite(parts?: RequestParts): string
  /** A request of the caller for the INVITE: its ACK of a refusal, or CANCEL. */
  follow(method: string, invite: string, to?: string): void
}

async function play(options: StageOptions = {}): Promise<Play> {
  const made = await setStage({ callees: 2, ...options })
  stage = made
  const { caller, callees, udpPort, call } = made
  const [one, two] = callees
  if (!one || !two) throw new Error('two callees are needed')
  const seen = new Map<UdpPeer, string[]>([caller, one, two].map((peer) => [peer, []]))
  return {
    ...made,
    one,
    two,
    seen,
    next: async (peer) => {
      const text = await peer.receive()
      seen.get(peer)?.push(startOf(text))
      return text
    },
    answer: (callee, request, status, extra = [`Contact: <sip:bob@127.0.0.1:${callee.port}>`]) => {
      const recorded = request.split('\r\n').filter((line) => line.startsWith('Record-Route:'))
      callee.send(responseText(request, status, [...extra, ...recorded]), udpPort)
    },
    invite: (parts) => {
      const extra = [`Contact: <sip:alice@127.0.0.1:${caller.port}>`, 'Content-Type: application/sdp']
      const text = requestText(caller.port, {
        method: 'INVITE',
        uri: `sip:bob@127.0.0.1:${udpPort}`,
        body: SDP,
        extra,
        ...parts,
      })
      call(text)
      return text
    },
    follow: (method, invite, to = headerOf(invite, 'To') ?? '') => {
      const [via = '', callId = ''] = [headerOf(invite, 'Via'), headerOf(invite, 'Call-ID')]
      call(
        requestText(caller.port, {
          method,
          uri: `sip:bob@127.0.0.1:${udpPort}`,
          via: `Via: ${via}`,
          callId,
          to,
          body: '',
          extra: [],
        }),
      )
    },
  }
}

/** A request of the caller within the dialog a 2xx made, by its route set. */
function within(caller: UdpPeer, ok: string, method: string, cseq: string): string {
  const contact = headerOf(ok, 'Contact')?.replace(/[<>]/g, '') ?? ''
  const extra = (ok.match(/^Record-Route: .*$/gm) ?? []).reverse().map((line) => line.replace('Record-', ''))
  return requestText(caller.port, {
    method,
    uri: contact,
    to: headerOf(ok, 'To') ?? '',
    callId: headerOf(ok, 'Call-ID') ?? '',
    cseq,
    extra,
    body: '',
  })
}

describe('INVITE, forwarded', () => {
  it('proxy-invite-recordroute: the dialog passes through here from then on', async () => {
    const proxy = { recordRoute: true, followRedirects: true, provisionalTimeout: '2s', finalTimeout: '18s' }
    const { caller, one, next, answer, invite, call, ended, results, seen, server, udpPort } = await play({
      proxy,
      destinations: ([first]) => [`sip:bob@127.0.0.1:${first?.port}`],
    })
    invite()
    expect(startOf(await next(caller))).toBe('SIP/2.0 100 Trying')
    const received = await next(one)
    expect([headerOf(received, 'Record-Route'), headerOf(received, 'Max-Forwards')]).toEqual([
      `<sip:127.0.0.1:${udpPort};lr>`,
      '69',
    ])
    expect(received.endsWith(`\r\n\r\n${SDP}`)).toBe(true)
    answer(one, received, '100 Trying')
    answer(one, received, '180 Ringing')
    expect(await next(caller)).toMatch(/^SIP\/2.0 180/)
    answer(one, received, '200 OK')
    const ok = await next(caller)
    expect(ok.match(/^Via:/gm)).toHaveLength(1)
    call(within(caller, ok, 'ACK', '1 ACK'))
    expect(headerOf(await next(one), 'Route')).toBeUndefined()
    call(within(caller, ok, 'BYE', '2 BYE'))
    answer(one, await next(one), '200 OK')
    await next(caller)
    await ended()
    expect(seen.get(caller)).toEqual(recordedFor('proxy-invite-recordroute', 'peerA'))
    expect(seen.get(one)).toEqual(recordedFor('proxy-invite-recordroute', 'peerB'))
    expect(results).toMatchObject([{ connected: true, finalStatus: 200, responses: [{ msgs: [{ status: 200 }] }] }])
    expect(await server.stats()).toMatchObject({ proxied: 1, passedThrough: 2 })
  })

  it('proxy-invite-serial-two: the second target after the first has refused', async () => {
    const { caller, one, two, next, answer, invite, ended, results, seen } = await play()
    invite()
    await next(caller)
    const first = await next(one)
    answer(one, first, '100 Trying')
    answer(one, first, '486 Busy Here', [])
    const ack = await next(one)
    expect([headerOf(ack, 'Via'), headerOf(ack, 'CSeq'), headerOf(ack, 'To')]).toEqual([
      headerOf(first, 'Via'),
      '1 ACK',
      '<sip:bob@home.example>;tag=peer1',
    ])
    const second = await next(two)
    answer(two, second, '180 Ringing')
    await next(caller)
    answer(two, second, '200 OK')
    await next(caller)
    await ended()
    expect(seen.get(caller)).toEqual(recordedFor('proxy-invite-serial-two', 'peerA'))
    expect(seen.get(one)).toEqual(recordedFor('proxy-invite-serial-two', 'peerB'))
    expect(seen.get(two)).toEqual(recordedFor('proxy-invite-serial-two', 'peerC'))
    expect(results[0]?.responses.flatMap(({ msgs }) => msgs.map(({ status }) => status))).toEqual([486, 200])
  })

  it('proxy-fork-simultaneous: the first to answer wins, the other is cancelled', async () => {
    const proxy = { recordRoute: true, forking: 'simultaneous' } as const
    const { caller, one, two, next, answer, invite, call, ended, results, seen } = await play({ proxy })
    invite()
    await next(caller)
    const [first, second] = [await next(one), await next(two)]
    expect(headerOf(first, 'Via')).not.toBe(headerOf(second, 'Via'))
    expect([headerOf(first, 'Max-Breadth'), headerOf(second, 'Max-Breadth')]).toEqual(['30', '30'])
    for (const [callee, request] of [
      [one, first],
      [two, second],
    ] as const) {
      answer(callee, request, '100 Trying')
      answer(callee, request, '180 Ringing')
      await next(caller)
    }
    answer(two, second, '200 OK')
    const cancel = await next(one)
    expect([headerOf(cancel, 'Via'), headerOf(cancel, 'CSeq'), headerOf(cancel, 'Reason')]).toEqual([
      headerOf(first, 'Via'),
      '1 CANCEL',
      'SIP;cause=200;text="Call completed elsewhere"',
    ])
    answer(one, cancel, '200 OK', [])
    answer(one, first, '487 Request Terminated', [])
    call(within(caller, await next(caller), 'ACK', '1 ACK'))
    await next(one)
    await next(two)
    await ended()
    expect(seen.get(caller)).toEqual(recordedFor('proxy-fork-simultaneous', 'peerA'))
    expect(seen.get(one)).toEqual(recordedFor('proxy-fork-simultaneous', 'peerB'))
    expect(seen.get(two)).toEqual(recordedFor('proxy-fork-simultaneous', 'peerC'))
    expect(results).toMatchObject([{ connected: true, finalStatus: 200 }])
  })

  it('proxy-cancel: the caller gets 200 and 487 at once, the callee a CANCEL with his reason', async () => {
    const { caller, one, next, answer, call, invite, follow, ended, results, seen } = await play()
    const sent = invite()
    await next(caller)
    const received = await next(one)
    answer(one, received, '100 Trying')
    answer(one, received, '180 Ringing')
    await next(caller)
    const via = `Via: ${headerOf(sent, 'Via')}`
    const [uri, callId] = [/^INVITE (\S+)/.exec(sent)?.[1] ?? '', headerOf(sent, 'Call-ID') ?? '']
    call(requestText(caller.port, { method: 'CANCEL', uri, via, callId, body: '', extra: ['Reason: SIP;cause=600'] }))
    const [ok, terminated] = [await next(caller), await next(caller)]
    expect([headerOf(ok, 'CSeq'), headerOf(terminated, 'CSeq')]).toEqual(['1 CANCEL', '1 INVITE'])
    follow('ACK', sent, headerOf(terminated, 'To'))
    const cancel = await next(one)
    expect(headerOf(cancel, 'Reason')).toBe('SIP;cause=600')
    answer(one, cancel, '200 OK', [])
    answer(one, received, '487 Request Terminated', [])
    await next(one)
    await ended()
    expect(seen.get(caller)).toEqual(recordedFor('proxy-cancel', 'peerA'))
    expect(seen.get(one)).toEqual(recordedFor('proxy-cancel', 'peerB'))
    expect(results).toMatchObject([{ connected: false, finalStatus: 487 }])
    await hadNothing(caller)
  })

  it('proxy-invite-no-answer: 408 after 32 s', async () => {
    const clock = new FakeClock()
    const { caller, one, next, invite, ended, results, seen } = await play({
      clock,
      destinations: ([first]) => [`sip:bob@127.0.0.1:${first?.port}`],
    })
    invite()
    await next(caller)
    await next(one)
    clock.advance(32_000)
    await next(caller)
    await ended()
    for (const _ of recordedFor('proxy-invite-no-answer', 'peerB').slice(1)) await next(one)
    expect(seen.get(caller)).toEqual(recordedFor('proxy-invite-no-answer', 'peerA'))
    expect(seen.get(one)).toEqual(recordedFor('proxy-invite-no-answer', 'peerB'))
    expect(results).toEqual([{ connected: false, responses: [] }])
  })

  it('2xx of both branches reach the caller, repeated ones too; the application hears of the first', async () => {
    const { caller, one, two, next, answer, invite, ended, results } = await play({
      proxy: { forking: 'simultaneous' },
    })
    invite()
    await next(caller)
    const [first, second] = [await next(one), await next(two)]
    answer(one, first, '180 Ringing')
    await next(caller)
    answer(one, first, '200 OK')
    await next(caller)
    await ended()
    answer(two, second, '200 OK')
    expect(headerOf(await next(caller), 'Contact')).toContain(`:${two.port}>`)
    answer(one, first, '200 OK')
    expect(headerOf(await next(caller), 'Contact')).toContain(`:${one.port}>`)
    expect(results[0]?.responses.flatMap(({ msgs }) => msgs)).toHaveLength(1)
  })

  it('retransmissions of the caller are absorbed, his ACK of a refusal too; ours is sent for each retransmitted refusal', async () => {
    const { caller, one, two, next, answer, invite, call, follow, ended, server } = await play()
    const sent = invite()
    await next(caller)
    const first = await next(one)
    call(sent)
    expect(startOf(await next(caller))).toBe('SIP/2.0 100 Trying')
    answer(one, first, '404 Not Found', [])
    answer(one, first, '404 Not Found', [])
    expect([startOf(await next(one)), startOf(await next(one))]).toEqual(['ACK', 'ACK'])
    answer(two, await next(two), '404 Not Found', [])
    await next(two)
    const refusal = await next(caller)
    expect(startOf(refusal)).toBe('SIP/2.0 404 Not Found')
    follow('ACK', sent, headerOf(refusal, 'To'))
    await ended()
    for (const peer of [caller, one, two]) await hadNothing(peer)
    expect(await server.stats()).toMatchObject({ proxied: 1, passedThrough: 0 })
  })

  it('6xx ends the search', async () => {
    const { caller, one, two, next, answer, invite, ended, results } = await play()
    invite()
    await next(caller)
    answer(one, await next(one), '603 Decline', [])
    expect(startOf(await next(caller))).toBe('SIP/2.0 603 Decline')
    await ended()
    await hadNothing(two)
    expect(results).toMatchObject([{ connected: false, finalStatus: 603 }])
  })

  it('6xx of one branch cancels the other', async () => {
    const { caller, one, two, next, answer, invite, ended } = await play({ proxy: { forking: 'simultaneous' } })
    invite()
    await next(caller)
    const [first, second] = [await next(one), await next(two)]
    answer(two, second, '180 Ringing')
    await next(caller)
    answer(one, first, '603 Decline', [])
    expect(startOf(await next(one))).toBe('ACK')
    const cancel = await next(two)
    expect(startOf(cancel)).toBe('CANCEL')
    await hadNothing(caller)
    answer(two, second, '487 Request Terminated', [])
    expect(startOf(await next(caller))).toBe('SIP/2.0 603 Decline')
    await ended()
  })

  it('redirections are followed where the application wants it', async () => {
    const { caller, one, two, next, answer, invite, ended, results } = await play({
      proxy: { followRedirects: true },
      destinations: ([first]) => [`sip:bob@127.0.0.1:${first?.port}`],
    })
    invite({ uri: 'sip:bob@home.example' })
    await next(caller)
    answer(one, await next(one), '302 Moved Temporarily', [`Contact: <sip:bob@127.0.0.1:${two.port};x=y>;q=0.3`])
    const second = await next(two)
    expect(second).toMatch(new RegExp(`^INVITE sip:bob@127.0.0.1:${two.port};x=y SIP`))
    answer(two, second, '200 OK')
    expect(startOf(await next(caller))).toBe('SIP/2.0 200 OK')
    await ended()
    expect(results).toMatchObject([{ connected: true, finalStatus: 200 }])
  })

  it('a target that shows no sign of life in time is left, and cancelled if it shows one later', async () => {
    const clock = new FakeClock()
    const { caller, one, two, next, answer, invite, ended } = await play({ clock, proxy: { provisionalTimeout: '2s' } })
    invite()
    await next(caller)
    const first = await next(one)
    clock.advance(2_000)
    // Timer A has it sent again.
    expect([await next(one), await next(one)]).toEqual([first, first])
    const second = await next(two)
    answer(one, first, '180 Ringing')
    const cancel = await next(one)
    expect(startOf(cancel)).toBe('CANCEL')
    answer(one, first, '487 Request Terminated', [])
    expect(startOf(await next(one))).toBe('ACK')
    answer(two, second, '200 OK')
    expect(startOf(await next(caller))).toBe('SIP/2.0 200 OK')
    await ended()
  })

  it('a target that rings too long is cancelled, and the caller told 408', async () => {
    const clock = new FakeClock()
    const { caller, one, next, answer, invite, ended, server } = await play({
      clock,
      proxy: { finalTimeout: '5s' },
      destinations: ([first]) => [`sip:bob@127.0.0.1:${first?.port}`],
    })
    invite()
    await next(caller)
    const received = await next(one)
    answer(one, received, '180 Ringing')
    await next(caller)
    clock.advance(5_000)
    expect(startOf(await next(one))).toBe('CANCEL')
    answer(one, received, '487 Request Terminated', [])
    expect(startOf(await next(caller))).toBe('SIP/2.0 408 Request Timeout')
    await ended()
    clock.advance(120_000)
    await until(async () => (await server.stats()).serverTransactions === 0)
    expect(await server.stats()).toMatchObject({ clientTransactions: 0 })
  })

  it('timer C: a ringing target is cancelled after three minutes, each provisional answer begins them anew', async () => {
    const clock = new FakeClock()
    const { caller, one, next, answer, invite, ended } = await play({
      clock,
      destinations: ([first]) => [`sip:bob@127.0.0.1:${first?.port}`],
    })
    invite()
    await next(caller)
    const received = await next(one)
    answer(one, received, '180 Ringing')
    await next(caller)
    clock.advance(180_000)
    answer(one, received, '183 Session Progress')
    await next(caller)
    clock.advance(180_000)
    await hadNothing(one)
    clock.advance(5_000)
    expect(startOf(await next(one))).toBe('CANCEL')
    answer(one, received, '487 Request Terminated', [])
    expect(startOf(await next(one))).toBe('ACK')
    await next(caller)
    await ended()
  })

  it('the caller cancels before the callee has said anything: CANCEL waits for that', async () => {
    const { caller, one, next, answer, invite, follow, ended } = await play()
    const sent = invite()
    await next(caller)
    const received = await next(one)
    follow('CANCEL', sent)
    expect([headerOf(await next(caller), 'CSeq'), startOf(await next(caller))]).toEqual([
      '1 CANCEL',
      'SIP/2.0 487 Request Terminated',
    ])
    await hadNothing(one)
    answer(one, received, '100 Trying')
    expect(startOf(await next(one))).toBe('CANCEL')
    answer(one, received, '487 Request Terminated', [])
    await next(one)
    await ended()
  })

  it('a 200 that crosses the CANCEL still reaches the caller', async () => {
    const { caller, one, next, answer, invite, follow, ended } = await play()
    const sent = invite()
    await next(caller)
    const received = await next(one)
    answer(one, received, '180 Ringing')
    await next(caller)
    follow('CANCEL', sent)
    await next(caller)
    await next(caller)
    expect(startOf(await next(one))).toBe('CANCEL')
    answer(one, received, '200 OK')
    expect(startOf(await next(caller))).toBe('SIP/2.0 200 OK')
    await ended()
  })

  it('CANCEL after the answer is answered, and changes nothing', async () => {
    const { caller, one, next, answer, invite, follow, ended } = await play()
    const sent = invite()
    await next(caller)
    answer(one, await next(one), '200 OK')
    await next(caller)
    await ended()
    follow('CANCEL', sent)
    const ok = await next(caller)
    expect([startOf(ok), headerOf(ok, 'CSeq')]).toEqual(['SIP/2.0 200 OK', '1 CANCEL'])
    await hadNothing(one)
  })

  it('between UDP and TCP both sides are recorded, and each finds its way', async () => {
    const listener = createServer()
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const address = listener.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    const accepted = once(listener, 'connection')
    const { caller, next, invite, call, udpPort, tcpPort } = await play({
      proxy: { recordRoute: true },
      destinations: () => [`sip:bob@127.0.0.1:${port};transport=tcp`],
    })
    invite()
    await next(caller)
    const [socket] = await accepted
    const received = String((await once(socket, 'data'))[0])
    const recorded = received.match(/^Record-Route: .*$/gm) ?? []
    expect(recorded).toEqual([
      `Record-Route: <sip:127.0.0.1:${tcpPort};transport=tcp;lr>`,
      `Record-Route: <sip:127.0.0.1:${udpPort};lr>`,
    ])
    socket.write(responseText(received, '200 OK', [`Contact: <sip:bob@127.0.0.1:${port};transport=tcp>`, ...recorded]))
    const ok = await next(caller)
    call(within(caller, ok, 'ACK', '1 ACK'))
    expect(startOf(String((await once(socket, 'data'))[0]))).toBe('ACK')
    const bye = requestText(port, {
      method: 'BYE',
      uri: `sip:alice@127.0.0.1:${caller.port}`,
      via: `Via: SIP/2.0/TCP 127.0.0.1:${port};branch=z9hG4bKbye`,
      to: headerOf(ok, 'From') ?? '',
      extra: recorded.map((line) => line.replace('Record-', '')),
      body: '',
    })
    socket.write(bye)
    const passed = await next(caller)
    expect([startOf(passed), headerOf(passed, 'Route')]).toEqual(['BYE', undefined])
    caller.send(responseText(passed, '200 OK'), udpPort)
    expect(startOf(String((await once(socket, 'data'))[0]))).toBe('SIP/2.0 200 OK')
    socket.destroy()
    listener.close()
  })
})
