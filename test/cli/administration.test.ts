import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { createHttp } from '../../gateway/http/server.js'
import { createMetrics } from '../../gateway/observe/metrics.js'
import { fileWith } from '../config/folder.js'
import { causeway } from './terminal.js'

const TOKEN = 'a-token-of-some-length'

/** The administration of a running gateway, and the configuration that leads to it. */
async function gateway(tokens: string[] = []) {
  const server = await createHttp({
    config: { listen: '127.0.0.1:0', tokens },
    metrics: createMetrics(),
    health: async () => ({ ready: true, reasons: [], adapters: [] }),
    trace: {
      read: async (id) =>
        id === 'm/1'
          ? [{ messageId: id, at: 0, node: 'gw1', what: 'received', peer: 'device a', line: 'MESSAGE' }]
          : [],
      async *follow() {},
    },
    spool: {
      lanes: async () => [],
      failed: async () => [
        {
          item: { id: 'm1', lane: 'out:sms', attempts: 2, acceptedAt: 1, expiresAt: 9, payload: {} },
          reason: 'unknown\u001b[2J-recipient',
          at: 0,
        },
      ],
    },
    mask: (text) => text,
    log: pino({ level: 'silent' }),
  })
  onTestFinished(() => server.stop())
  return fileWith(`http: {listen: "${server.listening}", tokens: ${JSON.stringify(tokens)}}\n`)
}

test('trace draws the ladder of a message', async () => {
  const { code, out } = await causeway(['trace', 'm/1', '-c', await gateway()])
  expect(code).toBe(0)
  expect(out.join('\n')).toMatch(/00:00:00\.000 {3}│─+>│ {2}MESSAGE/)
})

test('trace --json prints the checkpoints', async () => {
  const { out } = await causeway(['trace', 'm/1', '--json', '-c', await gateway()])
  expect(out.map((line) => JSON.parse(line))).toMatchObject([{ messageId: 'm/1', line: 'MESSAGE' }])
})

test('trace of something unknown exits with 1', async () => {
  const { code, error } = await causeway(['trace', 'm2', '-c', await gateway()])
  expect([code, error]).toEqual([1, ['nothing is known of m2 (any more)']])
})

test('failed lists what failed, and what was said cannot move the cursor', async () => {
  const { code, out } = await causeway(['failed', '-c', await gateway()])
  expect([code, out]).toEqual([0, ['1970-01-01T00:00:00.000Z  m1  out:sms  2 attempts  unknown [2J-recipient']])
})

test('the token of the configuration is used', async () => {
  const file = await gateway([TOKEN])
  expect((await causeway(['failed', '-c', file])).code).toBe(0)
})

test('no gateway there: a plain word and exit code 1', async () => {
  const { code, error } = await causeway(['failed', '-c', fileWith('http: {listen: "127.0.0.1:1"}\n')])
  expect([code, error]).toEqual([1, [expect.stringContaining('no gateway answers at http://127.0.0.1:1')]])
})
