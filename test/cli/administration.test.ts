import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { createEmbeddedCore } from '../../gateway/core/embedded-core.js'
import { systemClock } from '../../gateway/cpm/clock.js'
import { createHttp } from '../../gateway/http/server.js'
import { createUserDocuments } from '../../gateway/http/user-documents.js'
import { createMetrics } from '../../gateway/observe/metrics.js'
import { fileWith } from '../config/folder.js'
import { memoryNotes, testConfig } from '../core/support.js'
import { noHistory } from '../http/no-history.js'
import { causeway } from './terminal.js'

const TOKEN = 'a-token-of-some-length'

/** The administration of a running gateway, and the configuration that leads to it. */
async function gateway(tokens: string[] = []) {
  const metrics = createMetrics()
  const config = testConfig()
  const core = createEmbeddedCore({ config, notes: memoryNotes(), clock: systemClock })
  const users = createUserDocuments(config, memoryNotes(), core, metrics)
  const server = await createHttp({
    config: { listen: '127.0.0.1:0', tokens },
    metrics,
    users: users.administration,
    xcap: users.xcap,
    recall: {
      cancel: async ({ messageId }) => ({
        outcome: messageId === 'm/1' ? 'done' : 'unknown',
        where: 'sms',
        said: 'OK',
      }),
      replace: async (_, content) => ({
        outcome: 'too-late',
        where: 'sms',
        said: 'text' in content ? content.text : '',
      }),
    },
    history: noHistory,
    contents: { fetch: async () => undefined },
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

test('cancel takes a message back by what the trace knows of it, or by its sender', async () => {
  const file = await gateway()
  expect(await causeway(['cancel', 'm/1', '-c', file])).toMatchObject({ code: 0, out: ['done at sms: OK'] })
  const unknown = await causeway(['cancel', 'm2', '--from', 'sip:a@x', '-c', file])
  expect(unknown).toMatchObject({ code: 1, error: [expect.stringMatching(/^no message m2 is on its way: .*--from/)] })
  const nobody = await causeway(['cancel', 'm2', '--from', 'alice', '-c', file])
  expect(nobody).toMatchObject({ code: 2, error: ['expected an address such as sip:alice@cpm.example, found alice'] })
})

test('replace says what it is to say, and why it cannot', async () => {
  const { code, error } = await causeway(['replace', 'm/1', 'better so', '-c', await gateway()])
  expect([code, error]).toEqual([1, [expect.stringMatching(/answers 409: too-late: better so$/)]])
})

test('the token of the configuration is used', async () => {
  const file = await gateway([TOKEN])
  expect((await causeway(['failed', '-c', file])).code).toBe(0)
})

test('no gateway there: a plain word and exit code 1', async () => {
  const { code, error } = await causeway(['failed', '-c', fileWith('http: {listen: "127.0.0.1:1"}\n')])
  expect([code, error]).toEqual([1, [expect.stringContaining('no gateway answers at http://127.0.0.1:1')]])
})

test('GAP-04 user: list, show, set, take back and reset the preferences of a user', async () => {
  const config = ['-c', await gateway([TOKEN])]
  expect((await causeway(['user', 'list', ...config])).out).toEqual(['sip:alice@cpm.example', 'sip:bob@cpm.example'])
  const shown = await causeway(['user', 'show', 'tel:+12065550100', ...config])
  expect(shown.out).toContain('  unavailable  defer  (default)')
  const settings = [
    'unavailable=interwork',
    'services=[{service: sms, address: "tel:+12065550199"}]',
    'blocked=[sip:x@y]',
  ]
  const set = await causeway(['user', 'set', 'sip:alice@cpm.example', ...settings, ...config])
  expect(set.out).toEqual([
    'sip:alice@cpm.example',
    '  unavailable  interwork  (stated)',
    '  waiting      push  (default)',
    '  reports      {"delivered":true,"displayed":true}  (default)',
    '  copies       false  (default)',
    '  history      false  (default)',
    '  services     [{"service":"sms","address":"tel:+12065550199"}]  (stated)',
    '  blocked      ["sip:x@y"]  (stated)',
  ])
  const back = await causeway(['user', 'set', 'sip:alice@cpm.example', 'services=', ...config])
  expect(back.out.join('\n')).not.toContain('services')
  const reset = await causeway(['user', 'reset', 'sip:alice@cpm.example', ...config])
  expect(reset.out).toContain('  unavailable  defer  (default)')
})

test('user: what cannot be set is said, and nothing is changed', async () => {
  const config = ['-c', await gateway([TOKEN])]
  const bad = await causeway(['user', 'set', 'sip:alice@cpm.example', 'unavailable=burn', ...config])
  expect([bad.code, bad.error.join()]).toEqual([1, expect.stringMatching(/400.*unavailable/)])
  const unknown = await causeway(['user', 'show', 'sip:nobody@cpm.example', ...config])
  expect([unknown.code, unknown.error]).toEqual([1, ['the gateway knows no user sip:nobody@cpm.example']])
  const form = await causeway(['user', 'set', 'sip:alice@cpm.example', 'unavailable', ...config])
  expect([form.code, form.error]).toEqual([2, ['expected key=value, found unavailable']])
  const yaml = await causeway(['user', 'set', 'sip:alice@cpm.example', 'services=[', ...config])
  expect([yaml.code, yaml.error]).toEqual([2, [expect.stringMatching(/^expected YAML after =, found services=\[ \(/)]])
  const key = await causeway(['user', 'set', 'sip:alice@cpm.example', 'nosuch=1', ...config])
  expect([key.code, key.error]).toEqual([1, [expect.stringMatching(/answers 400: Unrecognized key: "nosuch"$/)]])
  expect((await causeway(['user', 'show', 'sip:alice@cpm.example', ...config])).out).toContain(
    '  unavailable  defer  (default)',
  )
})
