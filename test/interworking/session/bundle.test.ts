import { expect, test } from 'vitest'
import { createBundle } from '../../../gateway/interworking/session/guest/bundle.js'
import { manualClock } from '../../contract-kit/clock.js'

function open(windowMs: number, fails: () => boolean = () => false) {
  const clock = manualClock()
  const sent: string[] = []
  const errors: unknown[] = []
  /** What lies in the store. */
  let stored = ''
  let writes = 0
  const text = (lines: readonly { readonly text: string }[]) => lines.map((line) => line.text).join('|')
  const bundle = createBundle<number>({
    windowMs,
    maximum: 10,
    clock,
    async keep(lines) {
      if (fails()) throw new Error('full')
      writes += 1
      stored = text(lines)
    },
    async send(lines, left) {
      if (fails()) throw new Error('full')
      sent.push(text(lines))
      if (left) stored = text(left)
    },
    onError: (error) => void errors.push(error),
  })
  const add = (line: string) => bundle.add({ text: line, about: 0 })
  return { clock, sent, errors, bundle, add, stored: () => stored, writes: () => writes }
}

test('SLS-04 the first goes at once, the rest at the end of the window, and the next window begins then', async () => {
  const { clock, sent, add } = open(1_000)
  for (const text of ['a', 'b', 'c']) await add(text)
  expect(sent).toEqual(['a'])
  clock.advance(1_000)
  await expect.poll(() => sent).toEqual(['a', 'b|c'])
  await add('d')
  clock.advance(999)
  expect(sent).toHaveLength(2)
  clock.advance(1)
  await expect.poll(() => sent).toEqual(['a', 'b|c', 'd'])
  clock.advance(1_000)
  await add('e')
  expect(sent).toHaveLength(4)
})

test('SLS-04 a bundle that is full goes before the window ends; nothing is ever cut', async () => {
  const { clock, sent, add, stored } = open(1_000)
  for (const text of ['a', '12345', '6789', 'x'.repeat(50), 'y']) await add(text)
  expect(sent).toEqual(['a', '12345|6789', 'x'.repeat(50)])
  expect(stored()).toBe('y')
  clock.advance(1_000)
  await expect.poll(() => sent.at(-1)).toBe('y')
  expect(stored()).toBe('')
})

test('without a window each goes by itself', async () => {
  const { sent, add, clock } = open(0)
  for (const text of ['a', 'b']) await add(text)
  expect(sent).toEqual(['a', 'b'])
  expect(clock.pending()).toBe(0)
})

test('what is kept is in the store before it counts as taken, and until it is sent', async () => {
  const { clock, sent, add, stored } = open(1_000)
  await add('a')
  expect(stored()).toBe('')
  await add('b')
  expect(stored()).toBe('b')
  await add('c')
  expect(stored()).toBe('b|c')
  clock.advance(1_000)
  await expect.poll(() => sent.at(-1)).toBe('b|c')
  expect(stored()).toBe('')
})

test('many at once are one write, and one that comes while others are sent is not forgotten with them', async () => {
  const { clock, sent, add, stored, writes } = open(1_000)
  await add('a')
  await Promise.all(['b', 'c', 'd'].map(add))
  expect(stored()).toBe('b|c|d')
  expect(writes()).toBe(1)
  clock.advance(1_000)
  await add('e')
  expect(sent).toEqual(['a', 'b|c|d'])
  expect(stored()).toBe('e')
})

test('at the end what is kept is sent, or stays in the store; no timer is left', async () => {
  const { clock, sent, bundle, add, stored } = open(1_000)
  await add('a')
  await add('b')
  await bundle.flush()
  expect(sent).toEqual(['a', 'b'])
  await add('c')
  bundle.close()
  expect(clock.pending()).toBe(0)
  expect(sent).toHaveLength(2)
  expect(stored()).toBe('c')
})

test('what could not be stored is refused; what was, and could not be sent, is sent after the next window', async () => {
  let failing = true
  const { clock, sent, errors, add, stored } = open(1_000, () => failing)
  await expect(add('a')).rejects.toThrow('full')
  await expect(add('b')).rejects.toThrow('full')
  failing = false
  await add('c')
  failing = true
  await expect(add('123456789')).rejects.toThrow('full')
  clock.advance(1_000)
  await expect.poll(() => errors).toHaveLength(1)
  expect(stored()).toBe('c')
  failing = false
  clock.advance(1_000)
  await expect.poll(() => sent).toEqual(['c'])
  expect(stored()).toBe('')
  clock.advance(1_000)
  await add('d')
  expect(sent).toEqual(['c', 'd'])
})
