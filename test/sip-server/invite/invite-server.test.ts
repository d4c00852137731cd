import { describe, expect, it } from 'vitest'
import { inviteServer } from '../../../gateway/sip-server/transaction/invite-server.js'
import { FakeClock } from '../support/fake-clock.js'

function server(reliable = false) {
  const clock = new FakeClock()
  const startedAt = clock.now()
  const events: string[] = []
  const note = (name: string) => () => events.push(`${name}@${clock.now() - startedAt}`)
  const transaction = inviteServer({ clock, reliable, retransmit: note('retransmit'), ended: note('ended') })
  return { clock, events, transaction }
}

describe('INVITE server transaction (RFC 3261 17.2.1, RFC 6026)', () => {
  it('Proceeding repeats the last answer for a repeated INVITE and waits for ever', () => {
    const { clock, events, transaction } = server()
    expect([transaction.reply(100), transaction.reply(180), transaction.repeated()]).toEqual([true, true, true])
    expect(transaction.acknowledged()).toBe('absorb')
    clock.advance(600_000)
    expect([events, transaction.state, clock.pending]).toEqual([[], 'proceeding', 0])
  })

  it('timer G doubles from T1 to T2 until timer H', () => {
    const { clock, events, transaction } = server()
    expect(transaction.reply(486)).toBe(true)
    clock.advance(60_000)
    expect(events).toEqual([
      ...[500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500].map((at) => `retransmit@${at}`),
      'ended@32000',
    ])
    expect([transaction.state, clock.pending]).toEqual(['terminated', 0])
  })

  it('Completed repeats its answer, takes no other, and the ACK ends the retransmissions', () => {
    const { clock, events, transaction } = server()
    transaction.reply(486)
    expect([transaction.repeated(), transaction.reply(200), transaction.reply(603)]).toEqual([true, false, false])
    expect([transaction.acknowledged(), transaction.state]).toEqual(['absorb', 'confirmed'])
    expect([transaction.acknowledged(), transaction.repeated(), transaction.reply(486)]).toEqual([
      'absorb',
      false,
      false,
    ])
    clock.advance(10_000)
    expect(events).toEqual(['ended@5000'])
  })

  it('on a reliable transport nothing is retransmitted and timer I is 0', () => {
    const { clock, events, transaction } = server(true)
    transaction.reply(404)
    clock.advance(31_000)
    expect(events).toEqual([])
    transaction.acknowledged()
    clock.advance(0)
    expect(events).toEqual(['ended@31000'])
  })

  it('without an ACK a reliable transport still ends at timer H', () => {
    const { clock, events, transaction } = server(true)
    transaction.reply(404)
    clock.advance(32_000)
    expect(events).toEqual(['ended@32000'])
  })

  it('Accepted absorbs the repeated INVITE, lets 2xx and ACK through, and ends at timer L', () => {
    const { clock, events, transaction } = server()
    expect([transaction.reply(200), transaction.state]).toEqual([true, 'accepted'])
    expect([transaction.repeated(), transaction.reply(200), transaction.reply(180), transaction.reply(486)]).toEqual([
      false,
      true,
      false,
      false,
    ])
    expect(transaction.acknowledged()).toBe('pass')
    clock.advance(32_000)
    expect([events, transaction.reply(200), clock.pending]).toEqual([['ended@32000'], false, 0])
  })

  it('stop leaves no timer behind', () => {
    for (const status of [180, 200, 500]) {
      const { clock, events, transaction } = server()
      transaction.reply(status)
      transaction.stop()
      clock.advance(100_000)
      expect([events, transaction.state, clock.pending]).toEqual([[], 'terminated', 0])
    }
  })
})
