import { describe, expect, test } from 'vitest'
import { MSRP_LIMITS } from '../../gateway/msrp/limits.js'
import { OctetPipe, PipeBroken } from '../../gateway/msrp/octet-pipe.js'
import { manualClock } from '../contract-kit/clock.js'
import { peerServer } from './peer.js'
import { pipeFrom } from './pipe-from.js'
import { introduce, PEER, party, pathOf, startEndpoint } from './rig.js'

describe('sending', () => {
  async function sendingTo(options: Parameters<typeof startEndpoint>[0] = {}, maxSize?: number) {
    const server = await peerServer()
    const endpoint = await startEndpoint({ ...options, limits: { chunkBytes: 65_536, ...options.limits } })
    const one = party(endpoint)
    const remotePath = pathOf(`msrp://127.0.0.1:${server.port}/theirs;tcp`)
    one.session.start({ role: 'active', remotePath, ...(maxSize !== undefined && { maxSize }) })
    const peer = await server.next()
    peer.answers(await peer.hears(), '200 OK')
    await one.bound.next()
    return { endpoint, one, peer }
  }
  const text = (body: string | Buffer | OctetPipe) => ({
    contentType: 'text/plain',
    body: typeof body === 'string' ? Buffer.from(body) : body,
  })

  test('chunks are of 2048 octets, as long as nobody says that peers take more', async () => {
    const { one, peer } = await sendingTo({ limits: { chunkBytes: MSRP_LIMITS.chunkBytes } })
    one.session.send({ ...text('x'.repeat(5000)), id: 'm' })
    const ranges: string[] = []
    for (let i = 0; i < 3; i++) {
      const heard = await peer.hears()
      ranges.push(`${heard.headers.get('Byte-Range')} ${heard.body?.length}${heard.flag}`)
    }
    expect(ranges).toEqual(['1-*/5000 2048+', '2049-*/5000 2048+', '4097-5000/5000 904$'])
  })

  test('a small message does not wait behind a large one', async () => {
    const { endpoint, one, peer } = await sendingTo()
    const pipe = new OctetPipe()
    const large = one.session.send({ ...text(pipe), id: 'large', size: 10_000 })
    pipe.push(Buffer.alloc(6000, 'x'))
    const first = await peer.hears()
    expect([first.headers.get('Byte-Range'), first.body?.length, first.flag]).toEqual(['1-*/10000', 4096, '+'])
    one.session.send({ ...text('hi'), id: 'small' })
    expect((await peer.hears()).headers.get('Message-ID')).toBe('small')
    pipe.push(Buffer.alloc(4000, 'y'))
    pipe.end()
    const second = await peer.hears()
    expect([second.headers.get('Byte-Range'), second.body?.length, second.flag]).toEqual(['4097-*/10000', 4096, '+'])
    const third = await peer.hears()
    expect([third.headers.get('Byte-Range'), third.body?.length, third.flag]).toEqual(['8193-10000/10000', 1808, '$'])
    for (const heard of [first, second, third]) peer.answers(heard, '200 OK')
    expect(await large.outcome).toEqual({ kind: 'sent', confirmed: true })
    expect(endpoint.counts.get('chunk-interrupted')).toBe(2)
  })

  test('two large messages take turns at 2048 octets', async () => {
    const { one, peer } = await sendingTo()
    const pipes = [new OctetPipe(), new OctetPipe()]
    for (const [index, pipe] of pipes.entries()) {
      one.session.send({ ...text(pipe), id: `m${index}` })
      pipe.push(Buffer.alloc(1, 'a'))
    }
    // Both have to be at hand at once: what is pushed to a pipe alone would go out in one chunk.
    peer.socket.pause()
    one.session.send({ ...text(Buffer.alloc(3_000_000)), id: 'plug' })
    for (const pipe of pipes) {
      pipe.push(Buffer.alloc(6143, 'b'))
      pipe.end()
    }
    peer.socket.resume()
    const chunks: string[] = []
    while (chunks.length < 6) {
      const heard = await peer.hears()
      const id = heard.headers.get('Message-ID')
      if (id !== 'plug') chunks.push(`${id} ${heard.headers.get('Byte-Range')} ${heard.body?.length}${heard.flag}`)
    }
    expect(chunks).toEqual([
      'm0 1-*/* 2048+',
      'm1 1-*/* 2048+',
      'm0 2049-*/* 2048+',
      'm1 2049-*/* 2048+',
      'm0 4097-6144/* 2048$',
      'm1 4097-6144/* 2048$',
    ])
  })

  test('a body that holds the end line of its own chunk does not end it', async () => {
    const { one, peer } = await sendingTo()
    const pipe = new OctetPipe()
    one.session.send(text(pipe))
    pipe.push(Buffer.alloc(2049 + 100, 'x'))
    await new Promise((resolve) => setImmediate(resolve))
    pipe.push(Buffer.alloc(4096, 'x'))
    const heard = await peer.hears()
    expect(heard.flag).toBe('+')
    const sneaky = `\r\n-------${heard.transaction}$\r\nMSRP evil SEND\r\n`
    pipe.push(Buffer.from(sneaky + 'y'.repeat(5000)))
    pipe.end()
    let body = heard.body ?? ''
    for (let last = heard; last.flag !== '$'; ) {
      last = await peer.hears()
      body += last.body
    }
    expect(body).toBe(`${'x'.repeat(2049 + 100 + 4096)}${sneaky}${'y'.repeat(5000)}`)
  })

  test('413 stops the message at once', async () => {
    const { one, peer } = await sendingTo()
    const pipe = new OctetPipe()
    const sent = one.session.send(text(pipe))
    pipe.push(Buffer.alloc(5000))
    peer.answers(await peer.hears(), '413 Stop Sending')
    expect(await sent.outcome).toEqual({ kind: 'refused', status: 413 })
    expect(pipe.failure).toBeInstanceOf(PipeBroken)
    one.session.send({ ...text('next'), id: 'next' })
    expect((await peer.hears()).headers.get('Message-ID')).toBe('next')
  })

  test('a writer that gives up, and a sender that aborts, are told to the peer', async () => {
    const { one, peer } = await sendingTo()
    const pipe = new OctetPipe()
    const sent = one.session.send({ ...text(pipe), id: 'a' })
    pipe.push(Buffer.alloc(5000))
    await peer.hears()
    pipe.fail('disk gone')
    expect(await peer.hears()).toMatchObject({ flag: '#', body: undefined })
    expect(await sent.outcome).toEqual({ kind: 'failed', cause: 'aborted' })
    const other = one.session.send({ ...text(Buffer.alloc(10_000_000)), id: 'b' })
    await peer.hears()
    other.abort()
    let last = await peer.hears()
    while (last.flag !== '#') last = await peer.hears()
    expect(last.headers.get('Message-ID')).toBe('b')
  })

  test('no answer in 30 s is a failure, unless only failures are answered', async () => {
    const clock = manualClock()
    const { one, peer } = await sendingTo({ clock })
    const [strict, partial, silent] = (['yes', 'partial', 'no'] as const).map((failureReport) =>
      one.session.send({ ...text('x'), failureReport }),
    )
    for (let i = 0; i < 3; i++) await peer.hears()
    expect(await silent?.outcome).toEqual({ kind: 'sent', confirmed: false })
    clock.advance(30_000)
    expect(await strict?.outcome).toEqual({ kind: 'failed', cause: 'timeout' })
    expect(await partial?.outcome).toEqual({ kind: 'sent', confirmed: false })
    const refused = one.session.send({ ...text('x'), failureReport: 'partial' })
    peer.answers(await peer.hears(), '415 No')
    expect(await refused.outcome).toEqual({ kind: 'refused', status: 415 })
  })

  test('on a slow line a chunk is not late while those before it are answered', async () => {
    const clock = manualClock()
    const { one, peer } = await sendingTo({ clock })
    const sent = one.session.send(text(Buffer.alloc(200_000)))
    const chunks = [await peer.hears()]
    while (chunks.at(-1)?.flag !== '$') chunks.push(await peer.hears())
    expect(chunks).toHaveLength(4)
    for (const heard of chunks) {
      clock.advance(20_000)
      peer.answers(heard, '200 OK')
      // The next message comes back only after the answer was read.
      one.session.send(text('x'))
      peer.answers(await peer.hears(), '200 OK')
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await sent.outcome).toEqual({ kind: 'sent', confirmed: true })
  })

  test('success reports of parts add up; a failure report counts at once; none comes when the session ends', async () => {
    const { one, peer } = await sendingTo()
    const report = (id: string, range: string, status: string) =>
      peer.says(
        `MSRP rep1 REPORT\nTo-Path: ${one.path}\nFrom-Path: ${PEER}\nMessage-ID: ${id}\nByte-Range: ${range}\nStatus: 000 ${status}\n-------rep1$\n`,
      )
    const sent = ['a', 'b', 'c'].map((id) => one.session.send({ ...text('0123456789'), id, successReport: true }))
    for (let i = 0; i < 3; i++) peer.answers(await peer.hears(), '200 OK')
    report('a', '7-10/10', '200 OK')
    report('a', '1-3/10', '200 OK')
    report('nobody', '1-3/10', '408 late')
    expect(await one.reports.next()).toMatchObject({ id: 'nobody', status: 408, comment: 'late' })
    report('a', '4-6/10', '200 OK')
    report('b', '1-10/10', '408')
    expect(await sent[0]?.report).toMatchObject({ status: 200 })
    expect(await sent[1]?.report).toMatchObject({ status: 408 })
    one.session.close()
    expect(await sent[2]?.report).toBeUndefined()
  })

  test('a peer that answers nothing gets no more chunks than may be out, until their time is over', async () => {
    const clock = manualClock()
    const { one, peer } = await sendingTo({ clock, limits: { transactions: 2 } })
    const sent = ['a', 'b', 'c'].map((id) => one.session.send({ ...text('x'), id }))
    const ids = [await peer.hears(), await peer.hears()].map(({ headers }) => headers.get('Message-ID'))
    expect(ids).toEqual(['a', 'b'])
    clock.advance(60_000)
    expect((await peer.hears()).headers.get('Message-ID')).toBe('c')
    expect(await sent[0]?.outcome).toEqual({ kind: 'failed', cause: 'timeout' })
  })

  test('the queue is bounded, and so is the size', async () => {
    const { one } = await sendingTo({ limits: { queuedMessages: 2, queuedBytes: 1000 } }, 500)
    const outcome = (body: string) => one.session.send(text(body)).outcome
    expect(await outcome('x'.repeat(501))).toEqual({ kind: 'failed', cause: 'too-large' })
    void outcome('x'.repeat(400))
    void outcome('x'.repeat(400))
    expect(await outcome('x')).toEqual({ kind: 'failed', cause: 'queue-full' })
  })

  test('a peer that does not read is dropped, and what waits fails', async () => {
    const clock = manualClock()
    const { endpoint, one, peer } = await sendingTo({ clock })
    peer.socket.pause()
    const sent = one.session.send(text(pipeFrom(endless())))
    let before = -1
    while (endpoint.heldBytes !== before || before === 0) {
      before = endpoint.heldBytes
      for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(before).toBeLessThan(300_000)
    clock.advance(60_000)
    expect(await one.closed.next()).toBe('connection-lost')
    expect(await sent.outcome).toMatchObject({ kind: 'failed' })
    expect(endpoint.counts.get('peer-does-not-read')).toBe(1)
  })

  test('a nickname is asked for and given', async () => {
    const names: string[] = []
    const [here, there] = [await startEndpoint(), await startEndpoint()]
    const one = party(here)
    const other = party(there, {
      async nickname(name) {
        names.push(name)
        return name === 'taken' ? 425 : 200
      },
    })
    introduce(one, other)
    await one.bound.next()
    const ask = async (name: string) => {
      const answer = await one.session.nickname(name)
      return answer.kind === 'answered' ? answer.response.status : answer.kind
    }
    expect([await ask('Zoë "Z" \\'), await ask('taken'), await ask('')]).toEqual([200, 425, 200])
    expect(names).toEqual(['Zoë "Z" \\', 'taken', ''])
    expect(await ask('x'.repeat(1024))).toBe(424)
  })
})

async function* endless(): AsyncGenerator<Buffer> {
  for (;;) yield Buffer.alloc(16_384)
}
