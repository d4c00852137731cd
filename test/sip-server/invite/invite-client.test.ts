import { describe, expect, it } from 'vitest'
import { inviteClient } from '../../../gateway/sip-server/transaction/invite-client.js'
import { FakeClock } from '../support/fake-clock.js'

function client(reliable = false) {
  const clock = new FakeClock()
  const startedAt = clock.now()
  const events: string[] = []
  const note = (name: string) => () => events.push(`${name}@${clock.now() - startedAt}`)
  const transaction = inviteClient({
    clock,
    reliable,
    retransmit: note('retransmit'),
    timedOut: note('timedOut'),
    overdue: note('overdue'),
    ended: note('ended'),
  })
  return { clock, events, transaction }
}

describe('INVITE client transaction (RFC 3261 17.1.1, RFC 6026)', () => {
  it('timer A doubles without limit, timer B ends it at 64*T1', () => {
    const { clock, events, transaction } = client()
    clock.advance(200_000)
    expect(events).toEqual([
      'retransmit@500',
      'retransmit@1500',
      'retransmit@3500',
      'retransmit@7500',
      'retransmit@15500',
      'retransmit@31500',
      'timedOut@32000',
      'ended@32000',
    ])
    expect([transaction.state, clock.pending]).toEqual(['terminated', 0])
  })

  it('a reliable transport retransmits nothing and still times out', () => {
    const { clock, events } = client(true)
    clock.advance(32_000)
    expect(events).toEqual(['timedOut@32000', 'ended@32000'])
  })

  it('a provisional answer stops timers A and B; each one starts timer C anew', () => {
    const { clock, events, transaction } = client()
    clock.advance(400)
    expect(transaction.receive(100)).toBe('pass')
    expect(transaction.state).toBe('proceeding')
    clock.advance(100_000)
    expect(transaction.receive(180)).toBe('pass')
    clock.advance(184_999)
    expect(events).toEqual([])
    clock.advance(1)
    expect(events).toEqual(['overdue@285400'])
    expect(transaction.state).toBe('proceeding')
  })

  it('after CANCEL the final answer must come in 64*T1, and provisional ones buy no time', () => {
    const { clock, events, transaction } = client()
    transaction.cancelled()
    expect(transaction.state).toBe('calling')
    transaction.receive(180)
    transaction.cancelled()
    clock.advance(20_000)
    expect(transaction.receive(180)).toBe('pass')
    clock.advance(12_000)
    expect(events).toEqual(['timedOut@32000', 'ended@32000'])
  })

  it('a CANCEL too late: the 2xx is passed all the same', () => {
    const { transaction } = client()
    transaction.receive(180)
    transaction.cancelled()
    expect([transaction.receive(200), transaction.state]).toEqual(['pass', 'accepted'])
  })

  it('Accepted passes every 2xx until timer M, and nothing else', () => {
    const { clock, events, transaction } = client()
    expect(transaction.receive(200)).toBe('pass')
    clock.advance(31_999)
    expect([200, 202, 180, 486].map((status) => transaction.receive(status))).toEqual([
      'pass',
      'pass',
      'absorb',
      'absorb',
    ])
    clock.advance(1)
    expect(events).toEqual(['ended@32000'])
    expect([transaction.receive(200), clock.pending]).toEqual(['absorb', 0])
  })

  it('Completed acknowledges each repeated refusal until timer D', () => {
    const { clock, events, transaction } = client()
    expect(transaction.receive(486)).toBe('acknowledgeAndPass')
    expect([486, 603, 200, 180].map((status) => transaction.receive(status))).toEqual([
      'acknowledge',
      'acknowledge',
      'absorb',
      'absorb',
    ])
    clock.advance(32_000)
    expect([events, transaction.state]).toEqual([['ended@32000'], 'terminated'])
  })

  it('timer D is 0 on a reliable transport', () => {
    const { clock, events, transaction } = client(true)
    transaction.receive(404)
    clock.advance(0)
    expect([events, clock.pending]).toEqual([['ended@0'], 0])
  })

  it('a transport error stops all of it in any state', () => {
    for (const status of [undefined, 180, 200, 500]) {
      const { clock, events, transaction } = client()
      if (status) transaction.receive(status)
      transaction.stop()
      clock.advance(300_000)
      expect([events, transaction.state, clock.pending]).toEqual([[], 'terminated', 0])
    }
  })
})
