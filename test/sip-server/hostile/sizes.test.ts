import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ControlPeer, taken } from '../support/control-peer.js'
import { type Harness, startHarness } from '../support/harness.js'
import { headerOf, requestText } from '../support/sip-text.js'
import { dialTcp } from '../support/tcp.js'

const MEGABYTE = 1 << 20
let harness: Harness
let client: ControlPeer
beforeEach(async () => {
  harness = await startHarness({ maxMessageBytes: 2 * MEGABYTE })
  client = await harness.client('message')
})
afterEach(() => harness.stop())

const overTcp = (parts: object) => requestText(5060, parts).replace('/UDP', '/TCP')
const bodyOf = (message: string) => message.slice(message.indexOf('\r\n\r\n') + 4)

async function delivered(text: string): Promise<string> {
  const peer = await dialTcp(harness.tcpPort)
  peer.send(text)
  const { message } = taken(await client.receive())
  peer.close()
  return message
}

describe('sizes and octets', () => {
  it('64 KB of headers reach the application, in one header or in many', async () => {
    const long = 'h'.repeat(65_536)
    expect(headerOf(await delivered(overTcp({ extra: [`X-Long: ${long}`] })), 'X-Long')).toBe(long)
    const many = Array.from({ length: 200 }, (_, index) => `X-Number-${index}: ${'n'.repeat(300)}`)
    expect(headerOf(await delivered(overTcp({ extra: many })), 'X-Number-199')).toBe('n'.repeat(300))
  })

  it('a head above 128 KB, and one of more than 256 headers, is refused', async () => {
    const huge = await dialTcp(harness.tcpPort)
    huge.send(overTcp({ extra: [`X-Long: ${'h'.repeat(140_000)}`] }))
    await huge.closed
    expect((await harness.server.stats()).parseErrors).toEqual({ garbage: 1 })
    const many = await dialTcp(harness.tcpPort)
    many.send(overTcp({ extra: Array.from({ length: 300 }, (_, index) => `X-${index}: 1`) }))
    expect(await many.receive()).toMatch(/^SIP\/2.0 400 Too Many Headers\r\n/)
    many.close()
  })

  it('just below 2 MB is delivered whole, above it is 413 and the end of the connection', async () => {
    const body = 'b'.repeat(2 * MEGABYTE - 1_000)
    expect(bodyOf(await delivered(overTcp({ body })))).toBe(body)
    const peer = await dialTcp(harness.tcpPort)
    // Said as soon as the head is read; the body need not come.
    peer.send(overTcp({ body: 'x' }).replace('Content-Length: 1', `Content-Length: ${3 * MEGABYTE}`))
    expect(await peer.receive()).toMatch(/^SIP\/2.0 413 /)
    await peer.closed
  })

  it('NUL, lines above 8 KB and octets that are not UTF-8 pass unchanged', async () => {
    const body = `\0${'l'.repeat(20_000)}\xff\xfe\xc3\x28\0`
    const message = await delivered(overTcp({ body, extra: ['Subject: caf\xe9 \xff', 'Content-Type: text/plain'] }))
    expect(bodyOf(message)).toBe(body)
    expect(headerOf(message, 'Subject')).toBe('caf\xe9 \xff')
  })

  it('two Content-Lengths end the connection: nobody can be made to see a message where another sees a body', async () => {
    const inner = overTcp({ callId: 'smuggled' })
    const outer = overTcp({ body: inner }).replace('Content-Length:', 'Content-Length: 0\r\nContent-Length:')
    const peer = await dialTcp(harness.tcpPort)
    peer.send(outer)
    expect(await peer.receive()).toMatch(/^SIP\/2.0 400 Bad Content-Length Header\r\n/)
    await peer.closed
    expect((await harness.server.stats()).requestsIn).toEqual({ MESSAGE: 1 })
  })
})
