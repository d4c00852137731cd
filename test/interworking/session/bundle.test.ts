import { expect, test } from 'vitest'
import { createBundle } from '../../../gateway/interworking/session/guest/bundle.js'
import { manualClock } from '../../contract-kit/clock.js'

function open(windowMs: number, fails: () => boolean = () => false) {
  const clock = manualClock()
  const sent: string[] = []
  const lost: string[] = []
  const bundle = createBundle<number>({
    windowMs,
    maximum: 10,
    clock,
    async send(lines) {
      if (fails()) throw new Error('full')
      sent.push(lines.map(({ text }) => text).join('|'))
    },
    onError: (lines) => void lost.push(...lines.map(({ text }) => text)),
  })
  const add = (text: string) => bundle.add({ text, about: 0 })
  return { clock, sent, lost, bundle, add }
}

test('SLS-04 the first goes at once, the rest at the end of the window, and the next window begins then', async () => {
  const { clock, sent, add } = open(1_000)
  for (const text of ['a', 'b', 'c']) await add(text)
  expect(sent).toEqual(['a'])
  clock.advance(1_000)
  expect(sent).toEqual(['a', 'b|c'])
  await add('d')
  clock.advance(999)
  expect(sent).toHaveLength(2)
  clock.advance(1)
  expect(sent).toEqual(['a', 'b|c', 'd'])
  clock.advance(1_000)
  await add('e')
  expect(sent).toHaveLength(4)
})

test('SLS-04 a bundle that is full goes before the window ends; nothing is ever cut', async () => {
  const { clock, sent, add } = open(1_000)
  for (const text of ['a', '12345', '6789', 'x'.repeat(50), 'y']) await add(text)
  expect(sent).toEqual(['a', '12345', '6789', 'x'.repeat(50)].slice(0, 1).concat(['12345|6789', 'x'.repeat(50)]))
  clock.advance(1_000)
  expect(sent.at(-1)).toBe('y')
})

test('without a window each goes by itself', async () => {
  const { sent, add, clock } = open(0)
  for (const text of ['a', 'b']) await add(text)
  expect(sent).toEqual(['a', 'b'])
  expect(clock.pending()).toBe(0)
})

test('what is kept is sent when it ends, or dropped; no timer is left', async () => {
  const { clock, sent, bundle, add } = open(1_000)
  await add('a')
  await add('b')
  await bundle.flush()
  expect(sent).toEqual(['a', 'b'])
  await add('c')
  bundle.close()
  expect(clock.pending()).toBe(0)
  expect(sent).toHaveLength(2)
})

test('what could not be stored is told: at once to who waits, later for what was kept', async () => {
  let failing = true
  const { clock, sent, lost, add } = open(1_000, () => failing)
  await expect(add('a')).rejects.toThrow('full')
  await add('b')
  clock.advance(1_000)
  await expect.poll(() => lost).toEqual(['b'])
  failing = false
  clock.advance(1_000)
  await add('c')
  expect(sent).toEqual(['c'])
})
