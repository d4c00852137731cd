import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gatherByKey } from '../../../gateway/conversation/group/gather.js'
import {
  allIn,
  closedBy,
  gathered,
  NO_WINDOWS,
  openWindow,
  type Told,
  toldIn,
  type Windows,
} from '../../../gateway/conversation/group/windows.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { Disposition } from '../../../gateway/cpm/message.js'

const DELIVERED: Disposition = { kind: 'delivery', status: 'delivered' }
const FAILED: Disposition = { kind: 'delivery', status: 'failed' }
const DISPLAYED: Disposition = { kind: 'display', status: 'displayed' }
const told = (who: number | Uri, disposition: Disposition, tell = true): Told => ({
  result: { who, disposition },
  tell,
})

describe('windows in which reports are gathered', () => {
  it('IMDN-04 the first result of a kind counts, whatever comes after it', () => {
    const windows = gathered(gathered(NO_WINDOWS, [told(0, FAILED)]), [told(0, DELIVERED), told(0, DISPLAYED)])
    expect(toldIn(windows, 0)).toEqual([
      { who: 0, disposition: FAILED },
      { who: 0, disposition: DISPLAYED },
    ])
  })

  it('is complete when each member has had an end, told or not; what is reported of others does not count', () => {
    const some = gathered(NO_WINDOWS, [
      told(0, DELIVERED),
      told(1, DISPLAYED),
      told('sip:x@y.example' as Uri, DELIVERED),
    ])
    expect(allIn(some, 2)).toBe(false)
    const all = gathered(some, [told(1, FAILED, false)])
    expect(allIn(all, 2)).toBe(true)
    expect(toldIn(all, 0)).toHaveLength(3)
  })

  it('is closed once: the same closer may do it again, nobody else', () => {
    const closed = closedBy(NO_WINDOWS, 0, 'all-in')
    expect(closed).toEqual({ closed: ['all-in'], results: {} })
    expect(closed && closedBy(closed, 0, 'all-in')).toBe(closed)
    expect(closed && closedBy(closed, 0, 'time')).toBeUndefined()
    expect(closedBy(NO_WINDOWS, 1, 'time')).toBeUndefined()
  })

  it('IMDN-03 tells every result in exactly one window, in whatever order things happen', () => {
    const step = fc.oneof(
      fc.record({
        who: fc.oneof(fc.nat(5), fc.constant('sip:x@y.example' as Uri)),
        disposition: fc.constantFrom(DELIVERED, FAILED, DISPLAYED),
      }),
      fc.constantFrom('time' as const, 'all-in' as const),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let windows: Windows = NO_WINDOWS
        const reported = new Set<string>()
        for (const each of steps) {
          if (typeof each === 'string') windows = closedBy(windows, openWindow(windows), each) ?? windows
          else {
            windows = gathered(windows, [told(each.who, each.disposition)])
            reported.add(`${each.who} ${each.disposition.kind}`)
          }
          windows = JSON.parse(JSON.stringify(windows)) as Windows
        }
        const all = Array.from({ length: openWindow(windows) + 1 }, (_, window) => toldIn(windows, window)).flat()
        expect(all.map(({ who, disposition }) => `${who} ${disposition.kind}`).sort()).toEqual([...reported].sort())
      }),
    )
  })
})

describe('gathering by key', () => {
  it('writes one batch of a key at a time, what comes meanwhile with the next one, other keys beside it', async () => {
    const written: string[] = []
    const gates: (() => void)[] = []
    const gather = gatherByKey<number>(async (key, items) => {
      written.push(`${key}: ${items}`)
      await new Promise<void>((resolve) => gates.push(resolve))
    })
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    const first = gather('a', 1)
    await turn()
    const [second, third] = [gather('a', 2), gather('a', 3)]
    const other = gather('b', 4)
    await turn()
    expect(written).toEqual(['a: 1', 'b: 4'])
    for (const open of gates.splice(0)) open()
    await Promise.all([first, other])
    await turn()
    expect(written).toEqual(['a: 1', 'b: 4', 'a: 2,3'])
    for (const open of gates.splice(0)) open()
    await Promise.all([second, third])
  })

  it('a write that fails fails for those who wait for it, and for nobody after them', async () => {
    let broken = true
    const gather = gatherByKey<number>(async () => {
      if (broken) throw new Error('the store is away')
    })
    await expect(gather('a', 1)).rejects.toThrow('away')
    broken = false
    await expect(gather('a', 2)).resolves.toBeUndefined()
  })
})
