import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createQueue } from '../../../adapters/sms-smpp/bind/queue.js'

describe('a queue', () => {
  it('does what an array does, however long it gets', () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ push: fc.integer({ min: 1, max: 900 }) }) },
      { weight: 4, arbitrary: fc.record({ shift: fc.integer({ min: 1, max: 900 }) }) },
      { weight: 1, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 7 }) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const queue = createQueue<number>()
        let plain: number[] = []
        let next = 0
        for (const one of steps) {
          if ('push' in one) {
            for (let count = 0; count < one.push; count += 1) {
              queue.push(next)
              plain.push(next)
              next += 1
            }
          } else if ('shift' in one) {
            for (let count = 0; count < one.shift; count += 1) queue.shift()
            plain = plain.slice(one.shift)
          } else {
            expect(queue.take((item) => item % one.take === 0)).toEqual(plain.filter((item) => item % one.take === 0))
            plain = plain.filter((item) => item % one.take !== 0)
          }
          expect([queue.first(), queue.length()]).toEqual([plain[0], plain.length])
        }
        expect(queue.take(() => true)).toEqual(plain)
      }),
    )
  })
})
