import { describe, expect, it } from 'vitest'
import { ClientTransactions } from '../../gateway/sip-server/transaction/client-transactions.js'
import { NonInviteClient } from '../../gateway/sip-server/transaction/non-invite-client.js'
import { ServerTransactions } from '../../gateway/sip-server/transaction/server-transactions.js'
import type { Flow } from '../../gateway/sip-server/transport/flow.js'
import { FakeClock } from './support/fake-clock.js'

function client(reliable: boolean) {
  const clock = new FakeClock()
  const startedAt = clock.now()
  const sent: number[] = []
  let timedOutAt: number | undefined
  const retransmit = () => sent.push(clock.now() - startedAt)
  const timedOut = () => {
    timedOutAt = clock.now() - startedAt
  }
  const transaction = new NonInviteClient(clock, reliable, { retransmit, timedOut })
  return { clock, sent, transaction, timedOutAt: () => timedOutAt }
}

describe('non-INVITE client transaction (RFC 3261 17.1.2)', () => {
  it('timer E doubles from T1 to T2, timer F ends it at 64*T1', () => {
    const { clock, sent, timedOutAt } = client(false)
    clock.advance(60_000)
    expect(sent).toEqual([500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500])
    expect(timedOutAt()).toBe(32_000)
    expect(clock.pending).toBe(0)
  })

  it('after a provisional answer timer E runs at T2', () => {
    const { clock, sent, transaction } = client(false)
    transaction.proceeding()
    clock.advance(9_000)
    expect(sent).toEqual([500, 4500, 8500])
  })

  it('a reliable transport retransmits nothing and still times out', () => {
    const { clock, sent, timedOutAt } = client(true)
    clock.advance(32_000)
    expect(sent).toEqual([])
    expect(timedOutAt()).toBe(32_000)
  })

  it('a final answer stops the timers', () => {
    const { clock, sent, transaction, timedOutAt } = client(false)
    clock.advance(600)
    transaction.stop()
    clock.advance(60_000)
    expect([sent, timedOutAt(), clock.pending]).toEqual([[500], undefined, 0])
  })

  it('timer K: a repeated answer is known for T4 and a stray one after it', () => {
    const clock = new FakeClock()
    const transactions = new ClientTransactions(clock)
    const sent = { branch: 'b', method: 'MESSAGE', stop: () => {} }
    transactions.open(sent)
    expect(transactions.match('b', 'OPTIONS')).toBe('stray')
    expect(transactions.match('b', 'MESSAGE')).toBe(sent)
    expect([transactions.end(sent), transactions.end(sent)]).toEqual([true, false])
    clock.advance(4_999)
    expect(transactions.match('b', 'MESSAGE')).toBe('repeated')
    clock.advance(1_000)
    expect(transactions.match('b', 'MESSAGE')).toBe('stray')
  })
})

function flow(transport: 'udp' | 'tcp'): Flow {
  const address = { host: '127.0.0.1', port: 1 }
  return { transport, local: address, remote: address, open: true, answering: () => flow(transport), send: () => {} }
}

function server(maxCompleted = 10) {
  const clock = new FakeClock()
  const unanswered: string[] = []
  const transactions = new ServerTransactions<{ id: string; key: string; branch: string }>({
    clock,
    maxCompleted,
    unanswered: ({ id }) => unanswered.push(id),
  })
  return { clock, transactions, unanswered }
}

describe('non-INVITE server transaction (RFC 3261 17.2.2)', () => {
  const reply = Buffer.from('reply')

  it('absorbs retransmissions, replays the answer until timer J, and knows a merged request', () => {
    const { clock, transactions } = server()
    const first = { id: '1', key: 'k', branch: 'b' }
    expect(transactions.match(first).kind).toBe('new')
    transactions.open(first)
    expect(transactions.match(first).kind).toBe('waiting')
    expect(transactions.match({ key: 'k', branch: 'other' }).kind).toBe('merged')
    transactions.complete(first, reply, flow('udp'))
    expect(transactions.find('1')).toBeUndefined()
    clock.advance(31_999)
    expect(transactions.match(first)).toMatchObject({ kind: 'answered', reply })
    expect(transactions.match({ key: 'k', branch: 'other' }).kind).toBe('merged')
    clock.advance(2_001)
    expect(transactions.match(first).kind).toBe('new')
    expect([transactions.size, clock.pending]).toEqual([0, 0])
  })

  it('timer J is 0 on a reliable transport', () => {
    const { transactions } = server()
    const first = { id: '1', key: 'k', branch: 'b' }
    transactions.open(first)
    transactions.complete(first, reply, flow('tcp'))
    expect(transactions.size).toBe(0)
  })

  it('reports a request nobody answered, and forgets it', () => {
    const { clock, transactions, unanswered } = server()
    transactions.open({ id: '1', key: 'k', branch: 'b' })
    clock.advance(34_000)
    expect([unanswered, transactions.find('1'), transactions.waiting]).toEqual([['1'], undefined, 0])
  })

  it('keeps a bounded number of answers, the youngest', () => {
    const { transactions } = server(2)
    for (const key of ['a', 'b', 'c']) transactions.complete({ key, branch: key }, reply, flow('udp'))
    expect(['a', 'b', 'c'].map((key) => transactions.match({ key, branch: key }).kind)).toEqual([
      'new',
      'answered',
      'answered',
    ])
  })
})
