import { expect, test } from 'vitest'
import { parseCredentials, provesPassword } from '../../gateway/cpm/digest.js'
import { keepRelay } from '../../gateway/msrp/kept-relay.js'
import { leaseRelay, type RelayLease, type RelayOptions, RelayRefused } from '../../gateway/msrp/relay-client.js'
import { formatPath, parseUri } from '../../gateway/msrp/wire/uri.js'
import { manualClock } from '../contract-kit/clock.js'
import { digestFor } from './digest.js'
import { type Peer, peerServer } from './peer.js'
import { Happened, party, pathOf, startEndpoint } from './rig.js'

const CHALLENGE = 'WWW-Authenticate: Digest realm="relay.example", nonce="n1", qop="auth"\n'

async function leasing(more: Partial<RelayOptions> = {}) {
  const clock = manualClock()
  const server = await peerServer()
  let place: RelayLease | undefined
  const endpoint = await startEndpoint({ clock, relay: () => place })
  const uri = `msrp://127.0.0.1:${server.port};tcp`
  const relay = parseUri(uri)
  if (relay === undefined) throw new Error('no URI')
  const lost = new Happened<true>()
  const lease = leaseRelay({
    relay,
    clock,
    connect: (target) => endpoint.connect(target),
    authorize: digestFor('gateway', 'secret'),
    lost: () => lost.add(true),
    ...more,
  })
  const placed = lease.then(
    (given) => {
      place = given
    },
    () => undefined,
  )
  return { clock, endpoint, uri, lost, lease, placed, peer: await server.next(), port: server.port }
}

/** Lets the next AUTH in, with two relays to be gone through. */
async function letIn(peer: Peer, port: number, expires: number): Promise<void> {
  const path = `msrp://outer.example:2855/o1;tcp msrp://127.0.0.1:${port}/i1;tcp`
  peer.answers(await peer.hears(), '200 OK', `Use-Path: ${path}\nExpires: ${expires}\n`)
}

test('AUTH, the challenge answered, the lifetime the relay wants, and the path to use', async () => {
  const { peer, uri, lease, port } = await leasing({ expires: 10 })
  const first = await peer.hears()
  expect([first.first, first.headers.get('To-Path'), first.headers.get('Expires')]).toEqual(['AUTH', uri, '10'])
  peer.answers(first, '401 Unauthorized', CHALLENGE)
  const second = await peer.hears()
  const [credentials] = parseCredentials(second.headers.get('Authorization') ?? '')
  expect(credentials).toMatchObject({ username: 'gateway', uri })
  expect(credentials && provesPassword(credentials, 'secret', 'AUTH')).toBe(true)
  peer.answers(second, '423 Out of Bounds', 'Min-Expires: 600\n')
  const third = await peer.hears()
  expect(third.headers.get('Expires')).toBe('600')
  peer.answers(third, '401 Unauthorized', CHALLENGE.replace('n1', 'n2'))
  await letIn(peer, port, 600)
  expect((await lease).usePath).toHaveLength(2)
})

test('the path of a session goes through the relays, both ways', async () => {
  const { peer, endpoint, placed, port } = await leasing()
  expect(endpoint.open({ message: async () => ({ status: 200 }) })).toBeUndefined()
  await letIn(peer, port, 600)
  await placed
  const one = party(endpoint)
  const outer = `msrp://outer.example:2855/o1;tcp`
  const inner = `msrp://127.0.0.1:${port}/i1;tcp`
  const [, , own] = one.session.path
  expect(one.path).toBe(`${outer} ${inner} ${own && formatPath([own])}`)
  const remote = 'msrp://peer.example:2855/p1;tcp'
  one.session.start({ role: 'active', remotePath: pathOf(remote) })
  const bind = await peer.hears()
  expect(bind.headers.get('To-Path')).toBe(`${inner} ${outer} ${remote}`)
  expect(bind.headers.get('From-Path')).toBe(own && formatPath([own]))
  peer.answers(bind, '200 OK')
  await one.bound.next()
  peer.says(
    `MSRP aaa1 SEND\nTo-Path: ${own && formatPath([own])}\nFrom-Path: ${inner} ${outer} ${remote}\nMessage-ID: m\nByte-Range: 1-2/2\nSuccess-Report: yes\nContent-Type: text/plain\n\nhi\n-------aaa1$\n`,
  )
  expect(await one.texts.next()).toBe('hi')
  const answer = await peer.hearsFirst('200 OK')
  expect(answer.headers.get('To-Path')).toBe(inner)
  const report = await peer.hearsFirst('REPORT')
  expect(report.headers.get('To-Path')).toBe(`${inner} ${outer} ${remote}`)
})

test('the place is renewed in time, until it is released', async () => {
  const { clock, peer, lease, port } = await leasing()
  await letIn(peer, port, 600)
  const { release } = await lease
  clock.advance(540_000)
  await letIn(peer, port, 600)
  await Promise.resolve()
  release()
  await peer.closed
})

test('a relay that refuses, is never content, sends nonsense, or goes', async () => {
  for (const [status, headers] of [
    ['403 No', ''],
    ['401 Unauthorized', 'WWW-Authenticate: Basic realm="x"\n'],
    ['401 Unauthorized', CHALLENGE],
    ['200 OK', ''],
  ] as const) {
    const { peer, lease } = await leasing()
    const refused = expect(lease).rejects.toThrow(RelayRefused)
    for (let i = 0; i < 4; i++) {
      const heard = await peer.hears().catch(() => undefined)
      if (heard) peer.answers(heard, status, headers)
    }
    await refused
    await peer.closed
  }
  const { peer, lease, lost, port } = await leasing()
  await letIn(peer, port, 600)
  await lease
  peer.close()
  await lost.next()
})

test('a place that is refused or lost is asked for again, with growing waits', async () => {
  const clock = manualClock()
  const server = await peerServer()
  const endpoint = await startEndpoint({ clock })
  const relay = parseUri(`msrp://127.0.0.1:${server.port};tcp`)
  if (relay === undefined) throw new Error('no URI')
  const changes = new Happened<string>()
  const kept = keepRelay({
    relay,
    clock,
    connect: (target) => endpoint.connect(target),
    authorize: digestFor('gateway', 'secret'),
    onChange: (state) => changes.add(state),
  })
  for (const waitMs of [1_000, 2_000]) {
    const peer = await server.next()
    peer.answers(await peer.hears(), '403 Forbidden')
    expect(await changes.next()).toBe('relay-refused')
    expect(kept.current()).toBeUndefined()
    clock.advance(waitMs)
  }
  const peer = await server.next()
  await letIn(peer, server.port, 600)
  expect(await changes.next()).toBe('relay-leased')
  expect(kept.current()?.usePath).toHaveLength(2)
  peer.close()
  expect(await changes.next()).toBe('relay-lost')
  expect(kept.current()).toBeUndefined()
  clock.advance(1_000)
  const again = await server.next()
  await letIn(again, server.port, 600)
  expect(await changes.next()).toBe('relay-leased')
  kept.stop()
  await again.closed
})
