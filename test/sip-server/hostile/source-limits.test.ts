import { describe, expect, it } from 'vitest'
import { SourceLimits } from '../../../gateway/sip-server/transport/source-limits.js'
import { FakeClock } from '../support/fake-clock.js'

function limits(options: object = {}) {
  const clock = new FakeClock()
  const given = { clock, messagesPerSecond: 10, burst: 2, maxConnections: 100, maxConnectionsPerSource: 2 }
  return { clock, sources: new SourceLimits({ ...given, unlimited: ['10.0.0.0/8', '2001:db8:1::/48'], ...options }) }
}

describe('what one source may take', () => {
  it('is refilled with time, up to the burst', () => {
    const { clock, sources } = limits()
    const take = () => sources.allows('192.0.2.1')
    expect([take(), take(), take()]).toEqual([true, true, false])
    clock.advance(100)
    expect([take(), take()]).toEqual([true, false])
    clock.advance(60_000)
    expect([take(), take(), take()]).toEqual([true, true, false])
  })

  it('tells how long to wait for what was taken beyond it', () => {
    const { sources } = limits()
    const charge = () => sources.charge('192.0.2.1')
    expect([charge(), charge(), charge(), charge()]).toEqual([0, 0, 100, 200])
  })

  it('is shared by a /64 of IPv6, and by nobody else', () => {
    const { sources } = limits({ burst: 1 })
    expect(sources.allows('2001:db8:0:7::1')).toBe(true)
    expect(sources.allows('2001:0DB8:0:7:ffff::2')).toBe(false)
    expect(sources.allows('2001:db8:0:8::1')).toBe(true)
    expect(sources.allows('fe80::1%eth0')).toBe(true)
    expect(sources.allows('::1')).toBe(true)
  })

  it('has no limit for the networks named, and none at all at rate 0', () => {
    const { sources } = limits({ burst: 1 })
    for (const address of ['10.1.2.3', '2001:db8:1:2::3'])
      expect([1, 2, 3].map(() => sources.allows(address))).toEqual([true, true, true])
    const free = limits({ messagesPerSecond: 0 }).sources
    expect([1, 2, 3].map(() => free.charge('192.0.2.1'))).toEqual([0, 0, 0])
  })

  it('is forgotten for sources long unseen when there are too many, so that memory is bounded', () => {
    const { sources } = limits({ burst: 1 })
    expect(sources.allows('192.0.2.1')).toBe(true)
    for (let count = 0; count < 20_000; count++) sources.allows(`198.51.${count >> 8}.${count & 255}`)
    expect(sources.allows('192.0.2.1')).toBe(true)
    expect(sources.allows('198.51.78.31')).toBe(false)
  })
})
