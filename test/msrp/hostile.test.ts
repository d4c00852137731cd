import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { collect, type OctetPipe, PipeBroken } from '../../gateway/msrp/octet-pipe.js'
import { manualClock } from '../contract-kit/clock.js'
import { dial } from './peer.js'
import { chunk, PEER, party, pathOf, portOf, reached, startEndpoint, statuses } from './rig.js'

/** A message in two chunks, a report, an answer nobody waits for, and a message within another's gap. */
const dialogue = (path: string): Buffer =>
  Buffer.from(
    [
      chunk(path, 'aaa1', '1-*/10', 'hello', '+'),
      `MSRP rep1 REPORT\nTo-Path: ${path}\nFrom-Path: ${PEER}\nMessage-ID: x\nByte-Range: 1-5/5\nStatus: 000 200 OK\n-------rep1$\n`,
      `MSRP ans1 200 OK\nTo-Path: ${path}\nFrom-Path: ${PEER}\n-------ans1$\n`,
      chunk(path, 'bbb1', '4-6/9', 'gap', '+', 'm2'),
      chunk(path, 'aaa2', '6-10/10', 'world', '$'),
    ]
      .join('')
      .replace(/\n/g, '\r\n'),
    'latin1',
  )

describe('hostile peers', () => {
  test('a dialogue cut at any octet ends its session, and nothing is left', async () => {
    const endpoint = await startEndpoint()
    const { session, path } = party(endpoint)
    const { length } = dialogue(path)
    const bound = dialogue(path).indexOf('\r\n\r\n') + 4
    session.close()
    const whole: Promise<unknown>[] = []
    for (let at = bound; at < length; at++) {
      const one = party(endpoint)
      one.session.start({ role: 'passive', remotePath: pathOf(PEER) })
      const peer = await dial(portOf(endpoint))
      peer.socket.end(dialogue(one.path).subarray(0, at))
      whole.push(one.closed.next(), peer.closed)
    }
    await Promise.all(whole)
    expect(endpoint.sessions).toBe(0)
    expect(endpoint.heldBytes).toBe(0)
  })

  test('a dialogue with octets changed is answered or cut off, and the endpoint lives', async () => {
    const endpoint = await startEndpoint()
    const change = fc.tuple(fc.nat(2000), fc.oneof(fc.nat(255), fc.constantFrom(10, 13, 32, 36, 42, 45, 58)))
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 10 }), async (changes) => {
        const one = party(endpoint)
        one.session.start({ role: 'passive', remotePath: pathOf(PEER) })
        const octets = dialogue(one.path)
        for (const [at, octet] of changes) octets[at % octets.length] = octet
        const peer = await dial(portOf(endpoint))
        peer.socket.end(octets)
        await peer.closed
        one.session.close()
      }),
      { numRuns: 300 },
    )
    expect(endpoint.sessions).toBe(0)
    const one = party(endpoint)
    one.session.start({ role: 'passive', remotePath: pathOf(PEER) })
    const peer = await dial(portOf(endpoint))
    peer.says(chunk(one.path, 'aaa1', '1-2/2', 'hi', '$'))
    expect(await statuses(peer, 1)).toEqual(['aaa1 200'])
  })

  test('what cannot be read ends the connection, and nothing else', async () => {
    const { endpoint, one, peer } = await reached()
    peer.says(chunk(one.path, 'aaa1', '1-2/2', 'hi', '$'))
    await statuses(peer, 1)
    for (const garbage of [
      'GET / HTTP/1.0\n\n',
      'x'.repeat(100_000),
      '\0'.repeat(50_000),
      `MSRP abcd SEND\n${'A: b\n'.repeat(9000)}`,
    ]) {
      const stranger = await dial(portOf(endpoint))
      stranger.says(garbage)
      await stranger.closed
    }
    peer.says(chunk(one.path, 'aaa2', '1-2/2', 'ho', '$', 'm2'))
    expect(await statuses(peer, 1)).toEqual(['aaa2 200'])
  })

  test('a malformed request is answered with 400, and the next one read', async () => {
    const { one, peer } = await reached()
    peer.says(chunk(one.path, 'aaa1', '1-2/2', 'hi', '$').replace('Message-ID', 'Message ID'))
    peer.says(chunk(one.path, 'aaa2', '1-2/2', 'hi', '$'))
    expect(await statuses(peer, 2)).toEqual(['aaa1 400', 'aaa2 200'])
  })

  test('a peer that stops within a chunk is cut off, its session told', async () => {
    const clock = manualClock()
    const { endpoint, one, peer } = await reached({ clock })
    peer.says(chunk(one.path, 'aaa1', '1-*/*', 'begun', '+').split('\n-------')[0] ?? '')
    const { body } = await one.messages.next()
    clock.advance(60_000)
    await peer.closed
    expect(await one.closed.next()).toBe('connection-lost')
    await expect(collect(body, 1000)).rejects.toThrow(PipeBroken)
    expect(endpoint.counts.get('peer-stalled')).toBe(1)
  })

  test('a peer gone amid a chunk breaks the message off', async () => {
    const { one, peer } = await reached()
    peer.says(chunk(one.path, 'aaa1', '1-*/*', 'begun', '+').split('\n-------')[0] ?? '')
    const { body } = await one.messages.next()
    peer.close()
    expect(await one.closed.next()).toBe('connection-lost')
    await expect(collect(body, 1000)).rejects.toThrow(PipeBroken)
  })

  test('a reader of ours that does not read stops the peer, and loses the message in the end', async () => {
    const clock = manualClock()
    const bodies: OctetPipe[] = []
    const { endpoint, one, peer } = await reached(
      { clock, limits: { unreadBytes: 10_000, messageBytes: 100_000_000 } },
      {
        message: ({ body }) => {
          bodies.push(body)
          return new Promise(() => undefined)
        },
      },
    )
    peer.says(chunk(one.path, 'aaa1', '1-*/*', 'x'.repeat(20_000_000), '+').split('\n-------')[0] ?? '')
    const full = async (): Promise<void> => {
      while (endpoint.heldBytes < 10_000) await new Promise((resolve) => setImmediate(resolve))
    }
    await full()
    expect(endpoint.heldBytes).toBeLessThan(10_000 + 2 * 65_536)
    clock.advance(30_000)
    expect((await peer.hears()).first).toBe('413 Stop Sending')
    expect(bodies[0]?.failure).toBeInstanceOf(PipeBroken)
    expect(endpoint.counts.get('reader-stalled')).toBe(1)
  })
})
