import { describe, expect, test } from 'vitest'
import { collect, type OctetPipe, PipeBroken } from '../../gateway/msrp/octet-pipe.js'
import { manualClock } from '../contract-kit/clock.js'
import { dial } from './peer.js'
import { chunk, portOf, reached, statuses } from './rig.js'

describe('hostile peers', () => {
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
