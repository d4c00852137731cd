import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ControlPeer, taken } from '../support/control-peer.js'
import { type Harness, startHarness } from '../support/harness.js'
import { headerOf, requestText, responseText } from '../support/sip-text.js'
import { readTranscript } from '../support/transcript.js'
import type { UdpPeer } from '../support/udp-peer.js'
import { startOf } from './stage.js'

let harness: Harness
let caller: UdpPeer
let one: UdpPeer
let two: UdpPeer
let client: ControlPeer
beforeEach(async () => {
  harness = await startHarness()
  caller = await harness.peer()
  one = await harness.peer()
  two = await harness.peer()
  client = await harness.client('invite', 'cdr:attempt', 'cdr:start', 'cdr:stop')
})
afterEach(() => harness.stop())

function answer(callee: UdpPeer, request: string, status: string): void {
  const recorded = request.split('\r\n').filter((line) => line.startsWith('Record-Route:'))
  callee.send(
    responseText(request, status, [`Contact: <sip:bob@127.0.0.1:${callee.port}>`, ...recorded]),
    harness.udpPort,
  )
}

/** Sends an INVITE; gives it, and the frame the client got. */
async function invite() {
  const extra = [`Contact: <sip:alice@127.0.0.1:${caller.port}>`]
  const uri = `sip:bob@127.0.0.1:${harness.udpPort}`
  const sent = requestText(caller.port, { method: 'INVITE', uri, body: '', extra })
  caller.send(sent, harness.udpPort)
  expect(startOf(await caller.receive())).toBe('SIP/2.0 100 Trying')
  return { sent, frame: await client.receive() }
}

function forward(frame: string, options: string, callees: readonly UdpPeer[]): void {
  const destinations = callees.map(({ port }) => `sip:bob@127.0.0.1:${port}`).join('|')
  client.send(`proxy|${taken(frame).tokens[8]}|${options}|${destinations}\r\nINVITE sip:x SIP/2.0\r\n\r\n`)
}

/** What frames of both servers have in common: type, number of tokens, fixed tokens, start of the SIP message. */
function shape(payload: string) {
  const { tokens, message } = taken(payload)
  const [, type, second, third, fourth] = tokens
  const fixed = type === 'response' ? [third, fourth] : type === 'sip' ? [second] : [second, fourth]
  const start = /^(SIP\/2\.0 .*|[A-Z]+ )/.exec(message)?.[1] ?? ''
  return { type, count: tokens.length, fixed, start, vias: message.match(/^Via:/gm)?.length ?? 0 }
}

describe('frames of a forwarded INVITE', () => {
  it('proxy-invite-recordroute: the same as recorded, in the same order', async () => {
    const recorded = readTranscript('proxy-invite-recordroute')
      .filter(({ channel, direction }) => channel === 'ctl1' && direction === 'server->client')
      .map(({ text }) => shape(text))
      .filter(({ type, count }) => type !== 'response' || count > 4)
    const { frame } = await invite()
    const frames = [frame, await client.receive()]
    forward(frame, 'remainInDialog|fullResponse|followRedirects|serial|2s|18s', [one])
    const received = await one.receive()
    frames.push(await client.receive())
    answer(one, received, '180 Ringing')
    await caller.receive()
    answer(one, received, '200 OK')
    const ok = await caller.receive()
    for (let count = 4; count > 0; count--) frames.push(await client.receive())
    const bye = requestText(caller.port, {
      method: 'BYE',
      uri: `sip:bob@127.0.0.1:${one.port}`,
      to: headerOf(ok, 'To') ?? '',
      callId: headerOf(ok, 'Call-ID') ?? '',
      cseq: '2 BYE',
      extra: [`Route: ${headerOf(ok, 'Record-Route')}`],
      body: '',
    })
    caller.send(bye, harness.udpPort)
    frames.push(await client.receive(), await client.receive())
    const withoutGreeting = recorded.filter(({ fixed }) => !fixed.includes('tcp/127.0.0.1:5170,udp/127.0.0.1:5170'))
    expect(frames.map(shape)).toEqual(withoutGreeting)
  })

  it('none follows the one that says done', async () => {
    const { frame } = await invite()
    await client.receive()
    forward(frame, '|fullResponse||simultaneous||', [one, two])
    const requests = [await one.receive(), await two.receive()]
    await client.receive()
    await client.receive()
    answer(one, requests[0] ?? '', '200 OK')
    await caller.receive()
    const frames: string[] = []
    while (!frames.some((payload) => payload.endsWith('|OK|done'))) frames.push(await client.receive())
    answer(two, requests[1] ?? '', '200 OK')
    expect(headerOf(await caller.receive(), 'Contact')).toContain(`:${two.port}>`)
    const ping = client.send('ping')
    const last: string[] = []
    while (!last.at(-1)?.includes(`|${ping}|OK|pong`)) last.push(await client.receive())
    expect(last.filter((payload) => payload.includes('|continue'))).toEqual([])
  })

  it('an INVITE the client has begun to answer cannot be forwarded', async () => {
    const { frame } = await invite()
    await client.receive()
    const id = taken(frame).tokens[8]
    await client.ask(`sip|${id}|\r\nSIP/2.0 180 Ringing\r\n\r\n`)
    expect(await client.ask(`proxy|${id}||fullResponse||serial|||sip:127.0.0.1:${one.port}`)).toMatch(
      /\|NOK\|Unknown transaction id/,
    )
  })

  it('an INVITE that was forwarded is not the client’s to answer any more', async () => {
    const { frame } = await invite()
    await client.receive()
    forward(frame, '|fullResponse||serial||', [one])
    await one.receive()
    await client.receive()
    expect(await client.ask(`sip|${taken(frame).tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)).toMatch(
      /\|NOK\|Response not sent/,
    )
    const again = await client.ask(`proxy|${taken(frame).tokens[8]}||fullResponse||serial|||sip:127.0.0.1:${one.port}`)
    expect(again).toMatch(/\|NOK\|Unknown transaction id/)
  })
})
