import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExpiringMap } from '../../gateway/sip-server/transaction/expiring-map.js'
import { FakeClock } from './support/fake-clock.js'

const LIFE_MS = 1600
const MAX_ENTRIES = 5
const key = fc.integer({ min: 0, max: 9 })
const step = fc.oneof(
  fc.record({ act: fc.constant('set' as const), key, value: fc.integer() }),
  fc.record({ act: fc.constant('delete' as const), key }),
)

function expiring(maxEntries: number) {
  const clock = new FakeClock()
  const gone: number[] = []
  const onExpire = (key: number) => gone.push(key)
  return { clock, gone, map: new ExpiringMap<number, number>({ clock, lifeMs: LIFE_MS, maxEntries, onExpire }) }
}

describe('a map whose entries expire', () => {
  it('keeps what came last, renewed entries counted anew, and lets the oldest go where there are too many', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const { map, gone } = expiring(MAX_ENTRIES)
        const model = new Map<number, number>()
        const evicted: number[] = []
        for (const each of steps) {
          if (each.act === 'delete') expect(map.delete(each.key)).toBe(model.delete(each.key))
          else {
            map.set(each.key, each.value)
            model.delete(each.key)
            model.set(each.key, each.value)
            const [oldest] = model.keys()
            if (model.size > MAX_ENTRIES && oldest !== undefined && model.delete(oldest)) evicted.push(oldest)
          }
          expect(map.values()).toEqual([...model.values()])
          expect(map.size).toBe(model.size)
          for (let key = 0; key < 10; key++) expect(map.get(key)).toBe(model.get(key))
        }
        expect(gone).toEqual(evicted)
      }),
    )
  })

  it('an entry lives as long as asked, and a sixteenth longer at most', () => {
    const { map, gone, clock } = expiring(MAX_ENTRIES)
    map.set(1, 1)
    map.set(2, 2)
    map.set(3, 3)
    clock.advance(LIFE_MS / 2)
    map.set(1, 4)
    map.delete(2)
    clock.advance(LIFE_MS / 2 - 1)
    expect(gone).toEqual([])
    clock.advance(LIFE_MS / 16 + 1)
    expect(gone).toEqual([3])
    clock.advance(LIFE_MS / 2)
    expect(gone).toEqual([3, 1])
    expect(map.size).toBe(0)
    expect(clock.pending).toBe(0)
  })
})
