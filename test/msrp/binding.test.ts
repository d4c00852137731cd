import { describe, expect, test } from 'vitest'
import { manualClock } from '../contract-kit/clock.js'
import { dial, peerServer } from './peer.js'
import { chunk, introduce, type Party, PEER, party, pathOf, portOf, reached, startEndpoint, statuses } from './rig.js'

describe('binding', () => {
  test('a session bound to one connection is not to be had on another', async () => {
    const { endpoint, one, peer } = await reached()
    peer.says(chunk(one.path, 'aaa1', '1-2/2', 'hi', '$'))
    expect(await statuses(peer, 1)).toEqual(['aaa1 200'])
    const thief = await dial(portOf(endpoint))
    thief.says(chunk(one.path, 'bbb1', '1-2/2', 'ho', '$', 'm2'))
    expect(await statuses(thief, 1)).toEqual(['bbb1 506'])
    peer.says(chunk(one.path, 'aaa2', '1-2/2', 'on', '$', 'm3'))
    expect(await statuses(peer, 1)).toEqual(['aaa2 200'])
  })

  test('who guesses session ids is cut off', async () => {
    const endpoint = await startEndpoint()
    const peer = await dial(portOf(endpoint))
    for (const id of ['x', 'y', 'z']) peer.says(chunk(`msrp://127.0.0.1:1/${id};tcp`, `aaa${id}`, '1-1/1', 'x', '$'))
    expect(await statuses(peer, 3)).toEqual(['aaax 481', 'aaay 481', 'aaaz 481'])
    await peer.closed
  })

  test('a peer that is faster than the answer to the offer waits for it', async () => {
    const endpoint = await startEndpoint()
    const one = party(endpoint)
    const peer = await dial(portOf(endpoint))
    peer.says(chunk(one.path, 'aaa1', '1-5/5', 'early', '$') + chunk(one.path, 'aaa2', '1-4/4', 'bird', '$', 'm2'))
    const probe = await dial(portOf(endpoint))
    probe.says(chunk('msrp://127.0.0.1:1/none;tcp', 'ppp1', '1-1/1', 'x', '$'))
    await statuses(probe, 1)
    expect(peer.octets()).toHaveLength(0)
    one.session.start({ role: 'passive', remotePath: pathOf(PEER) })
    expect(await one.texts.next()).toBe('early')
    expect(await one.texts.next()).toBe('bird')
    expect(await statuses(peer, 2)).toEqual(['aaa1 200', 'aaa2 200'])
  })

  test('nobody comes: the session ends, and a connection without a session too', async () => {
    const clock = manualClock()
    const endpoint = await startEndpoint({ clock })
    const one = party(endpoint)
    const peer = await dial(portOf(endpoint))
    await endpoint.until('connection-accepted')
    one.session.start({ role: 'passive', remotePath: pathOf(PEER) })
    const lost = one.session.send({ contentType: 'text/plain', body: Buffer.from('x') })
    clock.advance(30_000)
    expect(await one.closed.next()).toBe('not-bound')
    expect(await lost.outcome).toEqual({ kind: 'failed', cause: 'not-bound' })
    await peer.closed
    expect(endpoint.sessions).toBe(0)
  })

  test('nobody there: connect-failed', async () => {
    const server = await peerServer()
    await server.close()
    const one = party(await startEndpoint())
    one.session.start({ role: 'active', remotePath: pathOf(`msrp://127.0.0.1:${server.port}/x;tcp`) })
    expect(await one.closed.next()).toBe('connect-failed')
  })

  test('a peer that does not know the session ends it', async () => {
    const [here, there] = [await startEndpoint(), await startEndpoint()]
    const one = party(here)
    one.session.start({ role: 'active', remotePath: pathOf(`msrp://127.0.0.1:${portOf(there)}/gone;tcp`) })
    expect(await one.closed.next()).toBe('refused')
  })

  test('several sessions share one connection, and the last one closes it', async () => {
    const [here, there] = [await startEndpoint(), await startEndpoint()]
    const pairs: (readonly [Party, Party])[] = []
    for (let i = 0; i < 5; i++) {
      const pair = [party(here), party(there)] as const
      introduce(...pair)
      await pair[0].bound.next()
      pairs.push(pair)
    }
    expect([here.connections, there.connections]).toEqual([1, 1])
    for (const [index, [one, other]] of pairs.entries()) {
      one.session.send({ contentType: 'text/plain', body: Buffer.from(`to ${index}`) })
      expect(await other.texts.next()).toBe(`to ${index}`)
    }
    for (const [one] of pairs.slice(1)) one.session.close()
    pairs[0]?.[1].session.send({ contentType: 'text/plain', body: Buffer.from('still here') })
    expect(await pairs[0]?.[0].texts.next()).toBe('still here')
    pairs[0]?.[0].session.close()
    await Promise.all([here.until('connection-closed'), there.until('connection-closed')])
    expect([here.sessions, there.sessions]).toEqual([0, 0])
  })

  test('connections and sessions are bounded', async () => {
    const endpoint = await startEndpoint({ limits: { connections: 1, sessions: 1 } })
    const one = party(endpoint)
    expect(() => party(endpoint)).toThrow('too many sessions')
    const peer = await dial(portOf(endpoint))
    await endpoint.until('connection-accepted')
    const second = await dial(portOf(endpoint))
    await second.closed
    expect(endpoint.counts.get('connection-refused')).toBe(1)
    one.session.start({ role: 'passive', remotePath: pathOf(PEER) })
    peer.says(chunk(one.path, 'aaa1', '1-2/2', 'hi', '$'))
    expect(await statuses(peer, 1)).toEqual(['aaa1 200'])
    one.session.close()
    expect(party(endpoint).session.path).toBeDefined()
  })

  test('what peers could not use is not listened on', async () => {
    const listening = (host: string, secure: boolean) => startEndpoint({ listen: [{ host, port: 0, secure }] })
    await expect(listening('0.0.0.0', false)).rejects.toThrow(TypeError)
    await expect(listening('127.0.0.1', true)).rejects.toThrow(TypeError)
    const told = await startEndpoint({
      listen: [{ host: '0.0.0.0', port: 0, secure: false, advertised: 'gw.example' }],
    })
    expect(party(told).path).toMatch(/^msrp:\/\/gw\.example:\d+\//)
  })
})
