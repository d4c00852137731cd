import { describe, expect, test } from 'vitest'
import { collect, PipeBroken } from '../../gateway/msrp/octet-pipe.js'
import { manualClock } from '../contract-kit/clock.js'
import { chunk, PEER, party, pathOf, reached, statuses } from './rig.js'

describe('chunks that come in', () => {
  test('are put together in their order, whatever order they come in', async () => {
    const { one, peer } = await reached()
    peer.says(
      chunk(one.path, 'aaa1', '1-3/12', 'one', '+') +
        chunk(one.path, 'aaa2', '8-12/12', 'three', '$') +
        chunk(one.path, 'bbb1', '1-5/5', 'other', '$', 'm2') +
        chunk(one.path, 'aaa3', '3-7/12', 'e two', '+'),
    )
    expect((await statuses(peer, 4)).toSorted()).toEqual(['aaa1 200', 'aaa2 200', 'aaa3 200', 'bbb1 200'])
    expect([await one.texts.next(), await one.texts.next()].toSorted()).toEqual(['one twothree', 'other'])
  })

  test('a chunk sent twice makes no second message', async () => {
    const { one, peer } = await reached()
    for (const transaction of ['aaa1', 'aaa2']) peer.says(chunk(one.path, transaction, '1-2/2', 'hi', '$'))
    peer.says(chunk(one.path, 'aaa3', '1-3/3', 'end', '$', 'm2'))
    expect((await statuses(peer, 3)).toSorted()).toEqual(['aaa1 200', 'aaa2 200', 'aaa3 200'])
    expect([await one.texts.next(), await one.texts.next()].toSorted()).toEqual(['end', 'hi'])
  })

  test('a message that its sender gives up breaks off', async () => {
    const { endpoint, one, peer } = await reached()
    peer.says(chunk(one.path, 'aaa1', '1-*/100', 'begun', '+') + chunk(one.path, 'aaa2', '6-*/100', 'no', '#'))
    expect(await statuses(peer, 2)).toEqual(['aaa1 200', 'aaa2 200'])
    const { body } = await one.messages.next()
    await expect(collect(body, 1000)).rejects.toThrow(PipeBroken)
    expect(endpoint.counts.get('message-aborted')).toBe(1)
    expect(one.texts.count).toBe(0)
  })

  test('beyond the size of the session: 413 at once, and the rest is not taken', async () => {
    const { one, peer } = await reached({}, {}, { maxSize: 10 })
    peer.says(chunk(one.path, 'aaa1', '1-*/*', 'x'.repeat(60), '+').split('\n-------')[0] ?? '')
    expect(await statuses(peer, 1)).toEqual(['aaa1 413'])
    peer.says(
      `\n-------aaa1+\n${chunk(one.path, 'aaa2', '61-*/*', 'more', '$')}${chunk(one.path, 'aaa3', '1-2/2', 'ok', '$', 'm2')}`,
    )
    expect(await statuses(peer, 2)).toEqual(['aaa2 413', 'aaa3 200'])
    expect(await one.texts.next()).toBe('ok')
  })

  test('gaps are kept within bounds: octets, places, messages', async () => {
    const { one, peer } = await reached({ limits: { earlyBytes: 10, incompleteMessages: 2 } })
    peer.says(chunk(one.path, 'aaa1', '5-*/*', 'x'.repeat(11), '+', 'a'))
    expect(await statuses(peer, 1)).toEqual(['aaa1 413'])
    peer.says(chunk(one.path, 'aaa2', '1-*/*', 'x', '+', 'b') + chunk(one.path, 'aaa3', '1-1/1', 'x', '$', 'c'))
    expect(await statuses(peer, 2)).toEqual(['aaa2 200', 'aaa3 413'])
    peer.says(chunk(one.path, 'aaa4', '2-2/2', 'y', '$', 'b') + chunk(one.path, 'aaa5', '1-1/1', 'x', '$', 'c'))
    expect(await statuses(peer, 2)).toEqual(['aaa4 200', 'aaa5 200'])
  })

  test('the rest of a message that stays away is not waited for', async () => {
    const clock = manualClock()
    const { one, peer } = await reached({ clock })
    peer.says(chunk(one.path, 'aaa1', '1-*/*', 'begun', '+'))
    await statuses(peer, 1)
    const { body } = await one.messages.next()
    clock.advance(540_000)
    await expect(collect(body, 1000)).rejects.toThrow(PipeBroken)
  })

  test('who asked for a success report gets one, and no answers if he wants none', async () => {
    const { one, peer } = await reached()
    const ask = (failure: string, id: string, transaction: string) =>
      chunk(one.path, transaction, '1-2/2', 'hi', '$', id).replace(
        'Content-Type',
        `Success-Report: yes\nFailure-Report: ${failure}\nContent-Type`,
      )
    peer.says(ask('no', 'a', 'aaa1'))
    const report = await peer.hears()
    expect(report.first).toBe('REPORT')
    expect(report.headers).toEqual(
      new Map([
        ['To-Path', PEER],
        ['From-Path', one.path],
        ['Message-ID', 'a'],
        ['Byte-Range', '1-2/2'],
        ['Status', '000 200 OK'],
      ]),
    )
    peer.says(ask('partial', 'b', 'aaa2'))
    expect((await peer.hears()).headers.get('Message-ID')).toBe('b')
    peer.says(ask('partial', 'c', 'aaa3').replace('1-2/2', '9-1/x'))
    expect(await statuses(peer, 1)).toEqual(['aaa3 400'])
  })
})

describe('verdicts', () => {
  test('what was refused may be sent again; what was accepted is not delivered twice', async () => {
    const verdicts = [413, 200, 200]
    const { endpoint, one, peer } = await reached(
      {},
      { message: () => Promise.resolve({ status: verdicts.shift() ?? 200 }) },
    )
    for (const transaction of ['aaa1', 'aaa2', 'aaa3']) {
      peer.says(chunk(one.path, transaction, '1-2/2', 'hi', '$'))
      expect(await statuses(peer, 1)).toEqual([`${transaction} ${transaction === 'aaa1' ? 413 : 200}`])
    }
    expect(endpoint.counts.get('message-received')).toBe(2)
  })

  test('a chunk that comes again before the verdict gets the same answer', async () => {
    let decide: (verdict: { status: number }) => void = () => undefined
    const { endpoint, one, peer } = await reached(
      {},
      {
        message: () =>
          new Promise((resolve) => {
            decide = resolve
          }),
      },
    )
    for (const transaction of ['aaa1', 'aaa2']) peer.says(chunk(one.path, transaction, '1-2/2', 'hi', '$'))
    peer.says(chunk('msrp://127.0.0.1:1/none;tcp', 'ppp1', '1-1/1', 'x', '$'))
    expect(await statuses(peer, 1)).toEqual(['ppp1 481'])
    decide({ status: 403 })
    expect(await statuses(peer, 2)).toEqual(['aaa1 403', 'aaa2 403'])
    expect(endpoint.counts.get('message-received')).toBe(1)
  })

  test('a message shorter or longer than announced is refused', async () => {
    const { one, peer } = await reached()
    peer.says(chunk(one.path, 'aaa1', '1-*/5', 'hi', '$') + chunk(one.path, 'aaa2', '1-*/5', 'too long', '$', 'm2'))
    expect(await statuses(peer, 2)).toEqual(['aaa1 400', 'aaa2 400'])
  })

  test('a session that ends within a chunk answers it with 481', async () => {
    const { endpoint, one, peer } = await reached()
    const other = party(endpoint)
    other.session.start({ role: 'passive', remotePath: pathOf(PEER) })
    peer.says(chunk(other.path, 'ooo1', '1-2/2', 'hi', '$'))
    expect(await statuses(peer, 1)).toEqual(['ooo1 200'])
    peer.says(chunk(one.path, 'aaa1', '1-*/*', 'x'.repeat(5000), '$').split('\n-------')[0] ?? '')
    await one.messages.next()
    one.session.close()
    peer.says('\n-------aaa1$\n')
    expect(await statuses(peer, 1)).toEqual(['aaa1 481'])
    peer.says(chunk(other.path, 'ooo2', '1-2/2', 'hi', '$', 'm2'))
    expect(await statuses(peer, 1)).toEqual(['ooo2 200'])
  })

  test('the last chunk waits for its verdict, which is its answer', async () => {
    let decide: (verdict: { status: number }) => void = () => undefined
    const { one, peer } = await reached(
      {},
      {
        message: () =>
          new Promise((resolve) => {
            decide = resolve
          }),
      },
    )
    peer.says(chunk(one.path, 'aaa1', '1-*/4', 'hi', '+') + chunk(one.path, 'aaa2', '3-4/4', '!!', '$'))
    expect(await statuses(peer, 1)).toEqual(['aaa1 200'])
    decide({ status: 403 })
    expect(await statuses(peer, 1)).toEqual(['aaa2 403'])
  })

  test('a refusal before the end is said at once', async () => {
    const { one, peer } = await reached({}, { message: () => Promise.resolve({ status: 415 }) })
    peer.says(chunk(one.path, 'aaa1', '1-*/4', 'hi', '+').split('\n-------')[0] ?? '')
    expect(await statuses(peer, 1)).toEqual(['aaa1 415'])
  })

  test('a verdict that never comes is a 408, a handler that throws a 413', async () => {
    const clock = manualClock()
    const faults: unknown[] = []
    const handlers = [
      () => new Promise<never>(() => undefined),
      () => {
        throw new Error('broken')
      },
    ]
    const { one, peer } = await reached(
      { clock, observer: { count: () => undefined, fault: (error) => void faults.push(error) } },
      { message: () => handlers.shift()?.() ?? Promise.resolve({ status: 200 }) },
    )
    peer.says(chunk(one.path, 'aaa1', '1-2/2', 'hi', '$') + chunk(one.path, 'aaa2', '1-2/2', 'hi', '$', 'm2'))
    expect(await statuses(peer, 1)).toEqual(['aaa2 413'])
    clock.advance(25_000)
    expect(await statuses(peer, 1)).toEqual(['aaa1 408'])
    expect(faults).toMatchObject([{ message: 'broken' }])
  })
})
