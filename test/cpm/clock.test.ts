import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { systemClock } from '../../gateway/cpm/clock.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const DAY = 86_400_000

/** An INVITE may say `Expires: 7776000`; what Node cannot count in one go would be over at once. */
test('CPM-CONV-016 a time of months ends after months, and not at once', () => {
  const run = vi.fn()
  systemClock.after(90 * DAY, run)
  vi.advanceTimersByTime(90 * DAY - 1)
  expect(run).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(run).toHaveBeenCalledTimes(1)
})

test('a time of months can be taken back at any moment', () => {
  const run = vi.fn()
  const cancels = [systemClock.after(90 * DAY, run), systemClock.after(90 * DAY, run)]
  cancels[0]?.()
  vi.advanceTimersByTime(60 * DAY)
  cancels[1]?.()
  vi.advanceTimersByTime(60 * DAY)
  expect(run).not.toHaveBeenCalled()
  expect(vi.getTimerCount()).toBe(0)
})
