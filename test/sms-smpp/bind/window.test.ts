import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createWindow } from '../../../adapters/sms-smpp/bind/window.js'

const submit = (sentAt: number, note = 'n') => ({ answer: 'submit_sm_resp' as const, sentAt, note })

describe('window of requests', () => {
  it('matches an answer by number and command, generic_nack by number alone', () => {
    const window = createWindow<string>(2)
    window.open(1, submit(0, 'a'))
    window.open(2, submit(0, 'b'))
    expect(window.free()).toBe(0)
    expect(window.close(1, 'data_sm_resp')).toBeUndefined()
    expect(window.close(1, 'submit_sm_resp')?.note).toBe('a')
    expect(window.close(1, 'submit_sm_resp')).toBeUndefined()
    expect(window.close(2, 'any')?.note).toBe('b')
    expect(window.free()).toBe(2)
  })

  it('gives numbers from 1 on and none that is waited on', () => {
    const window = createWindow<string>(3)
    expect([window.nextSequence(), window.nextSequence()]).toEqual([1, 2])
    window.open(3, submit(0))
    expect(window.nextSequence()).toBe(4)
  })

  it('an expired request is found once by its late answer', () => {
    const window = createWindow<string>(3)
    window.open(1, submit(0, 'old'))
    window.open(2, submit(5, 'young'))
    expect(window.expire(0).map(({ note }) => note)).toEqual(['old'])
    expect(window.oldestSentAt()).toBe(5)
    expect(window.late(1, 'submit_sm_resp')?.note).toBe('old')
    expect(window.late(1, 'submit_sm_resp')).toBeUndefined()
    expect(window.drain().map(({ note }) => note)).toEqual(['young'])
  })

  it('never counts wrong, whatever order answers come in', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 100 }), (steps) => {
        const window = createWindow<number>(10)
        const open = new Set<number>()
        for (const [at, step] of steps.entries()) {
          const known = [...open][step]
          if (known !== undefined && step % 2 === 0) {
            expect(window.close(known, 'submit_sm_resp')?.note).toBe(known)
            open.delete(known)
          } else if (window.free() > 0) {
            const sequence = window.nextSequence()
            expect(open.has(sequence)).toBe(false)
            window.open(sequence, { answer: 'submit_sm_resp', sentAt: at, note: sequence })
            open.add(sequence)
          }
          expect(window.used()).toBe(open.size)
        }
      }),
    )
  })
})
