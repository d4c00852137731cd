import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FleetingMap } from '../../gateway/cpm/fleeting-map.js'

const key = fc.integer({ min: 0, max: 9 })
const step = fc.oneof(
  fc.record({ act: fc.constant('set' as const), key, value: fc.integer() }),
  fc.record({ act: fc.constant('take' as const), key }),
  fc.record({ act: fc.constant('clear' as const) }),
)

describe('a map whose entries come and go', () => {
  it('does what a Map does, in its order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const map = new Map<number, number>()
        const fleeting = new FleetingMap<number, number>()
        for (const each of steps) {
          if (each.act === 'set') {
            expect(fleeting.set(each.key, each.value)).toBe(map.get(each.key))
            map.set(each.key, each.value)
          } else if (each.act === 'take') {
            expect(fleeting.take(each.key)).toBe(map.get(each.key))
            map.delete(each.key)
          } else {
            map.clear()
            fleeting.clear()
          }
          expect([...fleeting.entries()]).toEqual([...map])
          expect(fleeting.size).toBe(map.size)
          for (let key = 0; key < 10; key++) {
            expect(fleeting.get(key)).toBe(map.get(key))
            expect(fleeting.has(key)).toBe(map.has(key))
          }
        }
      }),
    )
  })

  it('an entry may be removed while all are looked through', () => {
    const fleeting = new FleetingMap<string, number>()
    for (const [index, name] of ['a', 'b', 'c'].entries()) fleeting.set(name, index)
    const seen: number[] = []
    for (const [name, value] of fleeting.entries()) {
      seen.push(value)
      fleeting.take(name)
      fleeting.take('b')
    }
    expect(seen).toEqual([0, 2])
    expect(fleeting.size).toBe(0)
  })
})
