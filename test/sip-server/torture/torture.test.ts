import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readDatagram } from '../../../gateway/sip-server/message/datagram.js'
import { StreamReader } from '../../../gateway/sip-server/message/stream-reader.js'
import { type ControlPeer, taken } from '../support/control-peer.js'
import { type Harness, startHarness } from '../support/harness.js'
import { headerOf } from '../support/sip-text.js'
import type { UdpPeer } from '../support/udp-peer.js'

interface Point {
  readonly file: string
  readonly rfc: number
  readonly section: string
  readonly point: string
  readonly expect: string
  readonly see?: { uri?: string; headers?: Record<string, string>; body?: string; status?: number }
}

const folder = new URL('../../vectors/sip/', import.meta.url)
const points: readonly Point[] = JSON.parse(readFileSync(new URL('index.json', folder), 'utf8'))
const octets = (file: string) => readFileSync(new URL(file, folder))
const limits = { maxHeadBytes: 65_536, maxHeaders: 256, maxMessageBytes: 65_536 }
const METHODS = ['message', 'register', 'options', 'invite']

let harness: Harness
let client: ControlPeer
let peer: UdpPeer
beforeEach(async () => {
  harness = await startHarness()
  client = await harness.client(...METHODS)
})
afterEach(() => harness.stop())

const named = (expected: (point: Point) => boolean) =>
  points
    .filter(expected)
    .map((point) => [`RFC ${point.rfc} §${point.section} ${point.file}: ${point.point}`, point] as const)

async function send(file: string): Promise<UdpPeer> {
  peer = await harness.peer()
  peer.send(octets(file).toString('latin1'), harness.udpPort)
  return peer
}

/** The next answer that is not the server's own 100. */
async function finalAnswer(from: UdpPeer): Promise<string> {
  for (;;) {
    const answer = await from.receive()
    if (!answer.startsWith('SIP/2.0 100 ')) return answer
  }
}

describe('torture messages', () => {
  it('are all in the index', () => {
    const files = ['valid', 'invalid'].flatMap((kind) =>
      readdirSync(new URL(`${kind}/`, folder)).map((name) => `${kind}/${name}`),
    )
    expect(points.map(({ file }) => file).sort()).toEqual(files.sort())
  })

  it.each(named(({ expect }) => expect === 'delivered'))('%s', async (_name, { file, see }) => {
    const from = await send(file)
    const { tokens, message } = taken(await client.receive())
    expect(tokens.slice(1, 3)).toEqual(['sip', 'network'])
    if (see?.uri !== undefined) expect(message.split(' ', 2)[1]).toBe(see.uri)
    for (const [name, value] of Object.entries(see?.headers ?? {})) expect(headerOf(message, name)).toBe(value)
    if (see?.body !== undefined) expect(message.slice(message.indexOf('\r\n\r\n') + 4)).toBe(see.body)
    client.send(`sip|${tokens[8]}|\r\nSIP/2.0 420 Bad Extension\r\n\r\n`)
    const answer = await finalAnswer(from)
    expect(answer).toMatch(/^SIP\/2\.0 420 Bad Extension\r\n/)
    expect(headerOf(answer, 'Call-ID')).toBe(headerOf(message, 'Call-ID'))
    expect(headerOf(answer, 'CSeq')).toBe(headerOf(message, 'CSeq'))
    await client.receive()
  })

  it.each(named(({ expect }) => /^\d{3}$/.test(expect)))('%s', async (_name, { file, expect: status }) => {
    const answer = await finalAnswer(await send(file))
    expect(answer.split(' ', 2)[1]).toBe(status)
  })

  it.each(named(({ expect }) => expect === 'response'))('%s', async (_name, { file, see }) => {
    const read = readDatagram(octets(file), limits)
    expect(read).toMatchObject({ message: { kind: 'response', status: see?.status } })
    const before = await harness.server.stats()
    await send(file)
    await expect
      .poll(async () => (await harness.server.stats()).dropped.strayResponse)
      .toBe(before.dropped.strayResponse + 1)
    expect((await harness.server.stats()).parseErrors).toEqual(before.parseErrors)
  })

  it.each(named(({ expect }) => expect === 'discarded'))('%s', async (_name, { file }) => {
    const lost = async () => {
      const { dropped, parseErrors } = await harness.server.stats()
      return dropped.strayResponse + (parseErrors.garbage ?? 0)
    }
    const before = await lost()
    await send(file)
    await expect.poll(lost).toBe(before + 1)
    expect(peer.unread).toBe(0)
  })

  it('a bare magic cookie tells no transactions apart: another call with it is another request', async () => {
    const from = await harness.peer()
    const text = octets('valid/branch-of-nothing.sip').toString('latin1')
    for (const call of ['one', 'two']) {
      from.send(text.replace(/^Call-ID: .*$/m, `Call-ID: ${call}`), harness.udpPort)
      const { tokens } = taken(await client.receive())
      client.send(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n`)
      expect(headerOf(await from.receive(), 'Call-ID')).toBe(call)
      await client.receive()
    }
  })

  it.each(points.map(({ file }) => file))('%s reads the same from a stream, cut at every octet', (file) => {
    const whole = octets(file)
    const kinds = (pieces: Buffer[]) => {
      const reader = new StreamReader(limits)
      const seen = pieces.flatMap((piece) => [...reader.push(piece)]).map((event) => event.kind)
      // Nothing is read after the end of what can be.
      const last = seen.findIndex((kind) => kind === 'fatal' || kind === 'garbage')
      return last < 0 ? seen : seen.slice(0, last + 1)
    }
    const expected = kinds([whole])
    for (let cut = 1; cut < whole.length; cut++)
      expect(kinds([whole.subarray(0, cut), whole.subarray(cut)])).toEqual(expected)
  })
})
