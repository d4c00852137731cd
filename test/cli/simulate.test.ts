import { expect, test } from 'vitest'
import { readOptions } from '../../gateway/cli/simulate.js'
import { causeway } from './terminal.js'

test('simulate without a name lists the simulators of the built-in adapters', async () => {
  const { code, out } = await causeway(['simulate'])
  expect(code).toBe(0)
  for (const name of ['smsc', 'mmsc']) expect(out.join('\n')).toMatch(new RegExp(`^${name} {2}\\w`, 'm'))
})

test('simulate of something unknown names what there is', async () => {
  const { code, error } = await causeway(['simulate', 'pigeon'])
  expect([code, error]).toEqual([2, [expect.stringMatching(/^expected a simulator \(.*smsc.*\), found pigeon$/)]])
})

test.each(['smsc', 'mmsc'])('simulate %s takes its options and runs until interrupted', async (name) => {
  const stop = new AbortController()
  stop.abort()
  expect((await causeway(['simulate', name, '--port', '0'], { stop: stop.signal })).code).toBe(0)
})

test('an option the simulator does not know is named', async () => {
  const { code, error } = await causeway(['simulate', 'smsc', '--colour', 'red'])
  expect([code, error.join()]).toEqual([2, 'smsc has no option --colour; causeway simulate smsc --help lists them'])
})

test('an option with a value that cannot be is named', async () => {
  const { code, error } = await causeway(['simulate', 'smsc', '--port', '70000', '--firstId', 'x'])
  expect(code).toBe(2)
  expect(error.join()).toBe('--port 70000: expected at most 65535\n--firstId x: expected a number')
})

test('simulate NAME --help lists the options with their defaults', async () => {
  const { code, out } = await causeway(['simulate', 'smsc', '--help'])
  expect(code).toBe(0)
  expect(out).toContain('  --receiptLoss       Share of receipts that never come. (default 0)')
  expect(out.join('\n')).toMatch(/--ids .* One of decimal, hex, /)
})

test('options are --key value, --key=value or --key alone', () => {
  expect(readOptions(['--port', '2775', '--ids=hex', '--receiptElsewhere', '--reply', 'a b'])).toEqual({
    port: '2775',
    ids: 'hex',
    receiptElsewhere: 'true',
    reply: 'a b',
  })
  expect(() => readOptions(['port'])).toThrow('expected --key value, found port')
})
