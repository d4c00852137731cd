import { afterEach, expect, test, vi } from 'vitest'
import type { Appliance } from '../../gateway/appliance.js'
import { fileWith } from '../config/folder.js'
import { causeway } from './terminal.js'

const appliance = vi.hoisted(() => ({
  stopped: [] as AbortSignal[],
  fatal: (_error: Error): void => {},
  started: (): void => {},
  refuses: undefined as Error | undefined,
  hangs: false,
}))

vi.mock('../../gateway/appliance.js', () => ({
  startAppliance: async (): Promise<Appliance> => {
    const fatal = new Promise<Error>((resolve) => {
      appliance.fatal = resolve
    })
    appliance.started()
    if (appliance.refuses) throw appliance.refuses
    if (appliance.hangs) await new Promise(() => {})
    return {
      ready: { sip: [], http: '127.0.0.1:1' },
      fatal,
      stop: async (deadline) => void appliance.stopped.push(deadline),
    }
  },
}))

afterEach(() => {
  appliance.stopped.length = 0
  appliance.refuses = undefined
  appliance.hangs = false
})

const started = () =>
  new Promise<void>((resolve) => {
    appliance.started = resolve
  })
test('run: interrupted, it stops the appliance within the drain time and exits with 0', async () => {
  const stop = new AbortController()
  const up = started()
  const ended = causeway(['run', '-c', fileWith('observe: {logLevel: error}\n'), '--drain', '50ms'], {
    stop: stop.signal,
  })
  await up
  stop.abort('SIGTERM')
  expect((await ended).code).toBe(0)
  expect(appliance.stopped).toHaveLength(1)
})

test('run: a part that ends by itself stops the appliance and exits with 1', async () => {
  const up = started()
  const ended = causeway(['run', '-c', fileWith('observe: {logLevel: error}\n')])
  await up
  appliance.fatal(new Error('gone'))
  expect((await ended).code).toBe(1)
  expect(appliance.stopped).toHaveLength(1)
})

test('run: a part that cannot start is an event and exit code 1', async () => {
  appliance.refuses = new Error('EADDRINUSE')
  expect((await causeway(['run', '-c', fileWith('observe: {logLevel: error}\n')])).code).toBe(1)
})

test('run: interrupted while it cannot come up, it gives up after the drain time', async () => {
  appliance.hangs = true
  const stop = new AbortController()
  const up = started()
  const ended = causeway(['run', '-c', fileWith('observe: {logLevel: error}\n'), '--drain', '1ms'], {
    stop: stop.signal,
  })
  await up
  stop.abort('SIGTERM')
  expect((await ended).code).toBe(1)
})

test('run: a bad configuration starts nothing', async () => {
  expect((await causeway(['run', '-c', fileWith('observe: {logLevel: silent}\n')])).code).toBe(1)
  expect(appliance.stopped).toHaveLength(0)
})
