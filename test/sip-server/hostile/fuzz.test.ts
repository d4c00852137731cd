import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readDatagram } from '../../../gateway/sip-server/message/datagram.js'
import { serialise, startLine } from '../../../gateway/sip-server/message/message.js'
import { StreamReader } from '../../../gateway/sip-server/message/stream-reader.js'
import { parseListenAddress } from '../../../gateway/sip-server/transport/listen-address.js'
import type { ControlPeer } from '../support/control-peer.js'
import { type Harness, startHarness } from '../support/harness.js'
import { requestText } from '../support/sip-text.js'
import { dialTcp } from '../support/tcp.js'
import { WebSocketPeer } from '../support/websocket-peer.js'

const limits = { maxHeadBytes: 16_384, maxHeaders: 64, maxMessageBytes: 65_536 }
const vectors = new URL('../../vectors/sip/', import.meta.url)
const corpus = ['valid', 'invalid'].flatMap((kind) =>
  readdirSync(new URL(`${kind}/`, vectors)).map((name) => readFileSync(new URL(`${kind}/${name}`, vectors))),
)

let harness: Harness
let client: ControlPeer
beforeAll(async () => {
  harness = await startHarness({ listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0', 'ws:127.0.0.1:0'] })
  client = await harness.client('options')
})
afterAll(() => harness.stop())

/** Pieces that mean something to a parser. */
const SHARDS = ['\r\n', '\r\n\r\n', '\r', '\n', ':', ';', ',', '<', '>', '"', '\\', '\0', ' ', '@', '[', ']', '%', '?']
const WORDS = [
  'SIP/2.0',
  'Via: ',
  'z9hG4bK',
  'Content-Length: 99999',
  'l: -1',
  'To: ',
  ';tag=',
  'CSeq: ',
  'sip:',
  '\xff',
]

/** A torture message with pieces put in, taken out, doubled or overwritten. */
const mutated = fc
  .tuple(
    fc.constantFrom(...corpus),
    fc.array(
      fc.record({
        at: fc.noBias(fc.nat(9_999)),
        drop: fc.nat(12),
        put: fc.oneof(fc.constantFrom(...SHARDS, ...WORDS), fc.string({ unit: 'binary', maxLength: 6 })),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  )
  .map(([octets, changes]) => {
    let text = octets.toString('latin1')
    for (const { at, drop, put } of changes) {
      const place = Math.floor((at / 10_000) * text.length)
      text = text.slice(0, place) + put + text.slice(place + drop)
    }
    return Buffer.from(text, 'latin1')
  })
const anything = fc.oneof(mutated, fc.uint8Array({ maxLength: 400 }).map(Buffer.from))

/** The server answers a good request, and holds nothing of the bad ones for longer than it should. */
async function isWell(): Promise<void> {
  const peer = await harness.peer()
  const callId = `well-${peer.port}-${Math.random()}`
  peer.send(requestText(peer.port, { method: 'OPTIONS', body: '', callId }), harness.udpPort)
  for (;;) {
    const frame = await client.receive()
    const id = frame.split('|', 9)[8]
    if (frame.includes('|sip|')) client.send(`sip|${id}|\r\nSIP/2.0 200 OK\r\n\r\n`)
    if (frame.includes(`Call-ID: ${callId}\r\n`) && frame.includes('|sip|')) break
  }
  for (;;) if ((await peer.receive()).startsWith('SIP/2.0 200 ')) return
}

describe('whatever comes', () => {
  it('a parser answers with a message or a verdict, never with an exception', () => {
    fc.assert(
      fc.property(anything, (octets) => {
        const read = readDatagram(octets, limits)
        if (typeof read === 'string') return
        const { message, body } = read
        // What was read without a fault can be written and read again.
        if (read.fault) return
        const headers = message.headers.filter(({ key }) => key !== 'content-length')
        const again = readDatagram(Buffer.from(serialise(startLine(message), headers, body), 'latin1'), limits)
        expect(again).toMatchObject({ message: { headers }, body })
      }),
      { numRuns: 3_000 },
    )
  })

  it('a stream gives the same messages however it is cut', () => {
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 4 }), fc.array(fc.nat(2_000), { maxLength: 20 }), (all, cuts) => {
        const octets = Buffer.concat(all)
        const places = [...new Set(cuts.filter((cut) => cut < octets.length))].sort((a, b) => a - b)
        const pieces = [0, ...places].map((from, index) => octets.subarray(from, places[index] ?? octets.length))
        expect(eventsOf(pieces)).toEqual(eventsOf([octets]))
      }),
      { numRuns: 1_500 },
    )
  })

  it('a server goes on after mutated datagrams, streams and WebSocket messages, and counts them', async () => {
    const udp = await harness.peer()
    const samples = fc.sample(anything, 1_500)
    for (const [index, octets] of samples.entries()) {
      udp.send(octets.toString('latin1'), harness.udpPort)
      if (index % 100 === 0) await isWell()
    }
    const wsPort = parseListenAddress(harness.server.listening.find((one) => one.startsWith('ws')) ?? '').port
    for (let at = 0; at < 120; at++) {
      const octets = Buffer.concat(samples.slice(at * 3, at * 3 + 3))
      const tcp = await dialTcp(harness.tcpPort)
      for (let from = 0; from < octets.length; from += 97) tcp.send(octets.toString('latin1', from, from + 97))
      const browser = await WebSocketPeer.open(`ws://127.0.0.1:${wsPort}`)
      for (const one of samples.slice(at * 3, at * 3 + 3)) browser.send(one.toString('latin1'), true)
      tcp.socket.end()
      await tcp.closed
      browser.close()
      await browser.closed
    }
    await isWell()
    const stats = await harness.server.stats()
    expect(stats.parseErrors.garbage).toBeGreaterThan(100)
    expect(stats.dropped.malformed).toBeGreaterThan(0)
    expect(stats.responsesOut['4xx']).toBeGreaterThan(100)
    await expect.poll(async () => (await harness.server.stats()).webSocketConnections).toBe(0)
    await expect.poll(async () => (await harness.server.stats()).tcpConnections).toBe(0)
  })
})

/** Kinds and texts in order, up to where reading ends. */
function eventsOf(pieces: readonly Buffer[]): unknown[] {
  const reader = new StreamReader(limits)
  const events: unknown[] = []
  for (const piece of pieces)
    for (const event of reader.push(piece)) {
      events.push('received' in event ? event.received : event.kind)
      if (event.kind === 'fatal' || event.kind === 'garbage') return events
    }
  return events
}
