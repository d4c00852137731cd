import { expect, test } from 'vitest'
import type { MsrpEndpoint } from '../../gateway/msrp/endpoint.js'
import { OctetPipe, PipeBroken } from '../../gateway/msrp/octet-pipe.js'
import { createRelay } from '../../gateway/msrp/relay.js'
import type { MsrpSession, SessionHandlers } from '../../gateway/msrp/session.js'
import { manualClock } from '../contract-kit/clock.js'
import { dial, type Peer } from './peer.js'
import { pipeFrom } from './pipe-from.js'
import { chunk, type Party, PEER, party, pathOf, portOf, startEndpoint, statuses } from './rig.js'

const text = (body: string) => ({ contentType: 'text/plain', body: Buffer.from(body) })

function opened(endpoint: MsrpEndpoint, handlers: SessionHandlers, maxSize = 1_000_000_000): MsrpSession {
  const session = endpoint.open(handlers, { maxSize })
  if (session === undefined) throw new Error('too many sessions')
  return session
}

/** Two parties, each on an endpoint of its own, with a relay between them. */
async function joined(
  handlers: { readonly one?: Partial<SessionHandlers>; readonly other?: Partial<SessionHandlers> } = {},
  endpoints: Parameters<typeof startEndpoint>[0] = {},
) {
  const start = () => startEndpoint(endpoints)
  const [left, middle, right] = [await start(), await start(), await start()]
  const options = { maxSize: 1_000_000_000 }
  const [one, other] = [party(left, handlers.one, options), party(right, handlers.other, options)]
  const relay = createRelay()
  const [near, far] = [opened(middle, relay.near), opened(middle, relay.far)]
  relay.join(near, far)
  other.session.start({ role: 'passive', remotePath: far.path })
  far.start({ role: 'active', remotePath: other.session.path })
  near.start({ role: 'passive', remotePath: one.session.path })
  one.session.start({ role: 'active', remotePath: near.path })
  await Promise.all([one.bound.next(), other.bound.next()])
  return { one, other, middle, left, right }
}

/** A relay with a text peer on either side. */
async function between(options: Parameters<typeof startEndpoint>[0] = {}) {
  const endpoint = await startEndpoint(options)
  const relay = createRelay()
  const [near, far] = [opened(endpoint, relay.near), opened(endpoint, relay.far)]
  relay.join(near, far)
  const peers: Peer[] = []
  for (const session of [near, far]) {
    session.start({ role: 'passive', remotePath: pathOf(PEER) })
    const peer = await dial(portOf(endpoint))
    const [own] = session.path
    peer.says(
      `MSRP bind SEND\nTo-Path: ${own.secure ? 'msrps' : 'msrp'}://${own.host}:${own.port}/${own.sessionId};tcp\nFrom-Path: ${PEER}\nMessage-ID: b\nByte-Range: 1-0/0\n-------bind$\n`,
    )
    await statuses(peer, 1)
    peers.push(peer)
  }
  const [a, b] = peers
  if (!a || !b) throw new Error('no peers')
  const uri = ({ path: [own] }: MsrpSession): string => `msrp://${own.host}:${own.port}/${own.sessionId};tcp`
  return { endpoint, a, b, nearPath: uri(near), farPath: uri(far) }
}

test('SESS-09 SESS-14 messages pass both ways, with their ids, and reports come back', async () => {
  const { one, other } = await joined()
  const sent = one.session.send({ ...text('hello'), id: 'm1', successReport: true })
  expect(await other.texts.next()).toBe('hello')
  expect((await other.messages.next()).id).toBe('m1')
  expect(await sent.outcome).toEqual({ kind: 'sent', confirmed: true })
  expect(await sent.report).toMatchObject({ status: 200, range: { start: 1, end: 5, total: 5 } })
  const back = other.session.send(text('hi'))
  expect(await one.texts.next()).toBe('hi')
  expect(await back.outcome).toEqual({ kind: 'sent', confirmed: true })
})

test('SESS-09 what the far peer refuses the near one hears; a silent one is a 408', async () => {
  for (const [said, heard] of [
    ['415 No', 'aaa1 415'],
    ['403 No', 'aaa1 403'],
    ['481 No', 'aaa1 408'],
  ] as const) {
    const { a, b, nearPath } = await between()
    a.says(chunk(nearPath, 'aaa1', '1-2/2', 'hi', '$'))
    b.answers(await b.hears(), said)
    expect(await statuses(a, 1)).toEqual([heard])
  }
})

test('SESS-09 a far peer slower than the near one waits: 200, and a report when it fails after all', async () => {
  const clock = manualClock()
  const { a, b, nearPath } = await between({ clock })
  a.says(chunk(nearPath, 'aaa1', '1-2/2', 'hi', '$'))
  await b.hears()
  clock.advance(25_000)
  expect(await statuses(a, 1)).toEqual(['aaa1 200'])
  clock.advance(5_000)
  const report = await a.hears()
  expect(report.first).toBe('REPORT')
  expect(report.headers.get('Status')).toBe('000 408 Timeout')
  expect(report.headers.get('Message-ID')).toBe('m1')
})

test('SESS-09 reports from beyond the far peer go back to whom they concern', async () => {
  const { a, b, nearPath, farPath } = await between()
  a.says(chunk(nearPath, 'aaa1', '1-2/2', 'hi', '$'))
  b.answers(await b.hears(), '200 OK')
  expect(await statuses(a, 1)).toEqual(['aaa1 200'])
  b.says(
    `MSRP rrr1 REPORT\nTo-Path: ${farPath}\nFrom-Path: ${PEER}\nMessage-ID: m1\nByte-Range: 1-2/2\nStatus: 000 408 late\n-------rrr1$\n`,
  )
  const report = await a.hears()
  expect([report.first, report.headers.get('Status'), report.headers.get('To-Path')]).toEqual([
    'REPORT',
    '000 408 Timeout',
    PEER,
  ])
})

test('SESS-09 413 from afar stops the near peer in the middle; a message given up is given up there too', async () => {
  const { a, b, nearPath } = await between()
  const begun = chunk(nearPath, 'aaa1', '1-*/100000', 'x'.repeat(10_000), '+').split('\n-------')[0] ?? ''
  a.says(begun)
  b.answers(await b.hears(), '413 Stop Sending')
  expect(await statuses(a, 1)).toEqual(['aaa1 413'])
  a.says(`\n-------aaa1#\n${chunk(nearPath, 'aaa2', '1-*/100000', 'x'.repeat(10_000), '+', 'm2')}`)
  let heard = await b.hears()
  while (heard.headers.get('Message-ID') !== 'm2') heard = await b.hears()
  a.says(chunk(nearPath, 'aaa3', '10001-*/100000', '', '#', 'm2'))
  while (heard.flag !== '#') heard = await b.hears()
  expect(heard.headers.get('Message-ID')).toBe('m2')
})

test('CPM-MED-002 what says how to show the content passes unchanged', async () => {
  const { a, b, nearPath } = await between()
  a.says(
    chunk(nearPath, 'aaa1', '1-2/2', 'hi', '$').replace('Content-Type', 'Content-Disposition: render\nContent-Type'),
  )
  const heard = await b.hears()
  expect([...heard.headers.keys()].slice(-2)).toEqual(['Content-Disposition', 'Content-Type'])
  expect(heard.headers.get('Content-Disposition')).toBe('render')
})

test('nicknames pass through', async () => {
  const { one } = await joined({ other: { nickname: async (name) => (name === 'bob' ? 200 : 425) } })
  expect(await one.session.nickname('bob')).toMatchObject({ response: { status: 200 } })
  expect(await one.session.nickname('eve')).toMatchObject({ response: { status: 425 } })
})

test('SESS-09 100 MB pass in bounded memory, while small messages pass too', async () => {
  const size = 100 * 1024 * 1024
  let received = 0
  let sums = 0
  let peak = 0
  const { one, left, middle, right } = await joined(
    {
      other: {
        async message({ body, size: announced }) {
          if (announced !== size) return { status: 200 }
          for await (const octets of body) {
            received += octets.length
            sums += octets[0] ?? 0
            for (const endpoint of [left, middle, right]) peak = Math.max(peak, endpoint.heldBytes)
          }
          return { status: 200 }
        },
      },
    },
    { limits: { chunkBytes: 65_536 } },
  )
  const block = Buffer.alloc(64 * 1024, 7)
  async function* file() {
    for (let given = 0; given < size; given += block.length) yield block
  }
  const sent = one.session.send({
    contentType: 'application/octet-stream',
    body: pipeFrom(file()),
    size,
    successReport: true,
  })
  for (let i = 0; i < 3; i++) await one.session.send(text(`small ${i}`)).outcome
  expect(received).toBeLessThan(size)
  expect(await sent.outcome).toEqual({ kind: 'sent', confirmed: true })
  expect(await sent.report).toMatchObject({ status: 200 })
  expect(received).toBe(size)
  expect(sums % 7).toBe(0)
  expect(peak).toBeLessThan(1024 * 1024)
}, 120_000)

test('SESS-09 a far peer that does not read slows the near one down: the relay holds little', async () => {
  const { one, middle, other } = await joined({ other: { message: () => new Promise(() => undefined) } })
  let taken = 0
  async function* endless() {
    for (;;) {
      taken += 16_384
      yield Buffer.alloc(16_384)
    }
  }
  const sent = one.session.send({ contentType: 'a/b', body: pipeFrom(endless()) })
  let before = -1
  while (taken !== before) {
    before = taken
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve))
  }
  expect(middle.heldBytes).toBeLessThan(1024 * 1024)
  other.session.close()
  expect(await sent.outcome).toMatchObject({ kind: 'refused', status: 408 })
})

test('SESS-15 the far leg ends in the middle of a message: the near peer is told', async () => {
  const { a, b, nearPath, endpoint } = await between()
  a.says(chunk(nearPath, 'aaa1', '1-*/100000', 'x'.repeat(10_000), '+').split('\n-------')[0] ?? '')
  await b.hears()
  b.close()
  await endpoint.until('connection-closed')
  expect(await statuses(a, 1)).toEqual(['aaa1 408'])
  a.says(`\n-------aaa1+\n${chunk(nearPath, 'aaa2', '1-2/2', 'hi', '$', 'm2')}`)
  expect(await statuses(a, 1)).toEqual(['aaa2 408'])
})

test('a pipe given to a session that is over is broken', async () => {
  const [one]: readonly Party[] = [party(await startEndpoint())]
  one?.session.close()
  const pipe = new OctetPipe()
  expect(await one?.session.send({ contentType: 'a/b', body: pipe }).outcome).toEqual({
    kind: 'failed',
    cause: 'closed',
  })
  expect(pipe.failure).toBeInstanceOf(PipeBroken)
})
