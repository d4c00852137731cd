import { describe, expect, test } from 'vitest'
import { configSchema } from '../../gateway/config/schema.js'
import { createLog } from '../../gateway/observe/log.js'
import { maskNumbers } from '../../gateway/observe/mask.js'

function capture(observe: object = {}) {
  const lines: Record<string, unknown>[] = []
  const log = createLog(configSchema.parse({ observe }).observe, {
    write: (line: string) => void lines.push(JSON.parse(line)),
  })
  return { log, lines }
}

test('an event is one JSON line with its name, level and time; a child repeats its identities', () => {
  const { log, lines } = capture()
  log.child({ messageId: 'm1' }).info({ service: 'sms' }, 'message failed')
  expect(lines).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      event: 'message failed',
      messageId: 'm1',
      service: 'sms',
    },
  ])
})

test('below the level of the configuration nothing is written', () => {
  const { log, lines } = capture({ logLevel: 'warn' })
  log.info('quiet')
  log.warn('loud')
  expect(lines.map(({ event }) => event)).toEqual(['loud'])
})

test('bodies and credentials are never written, however deep, not even at trace', () => {
  const { log, lines } = capture({ logLevel: 'trace' })
  log.child({ password: 'hush', bind: { password: 'hush' } }).trace(
    {
      password: 'hush',
      bind: { systemId: 'x', Password: 'hush', tokens: ['hush'], authorization: 'Digest hush' },
      message: { content: { type: 'text/plain', text: 'dear hush' }, to: 'tel:+12065550100' },
      pdu: { short_message: Buffer.from('hush'), raw: Buffer.from('hush') },
    },
    'all',
  )
  expect(JSON.stringify(lines)).not.toContain('hush')
  expect(lines[0]).toMatchObject({
    bind: { systemId: 'x' },
    message: { content: '(left out)', to: 'tel:+12065550100' },
    pdu: { short_message: '(4 octets)', raw: '(4 octets)' },
  })
})

test('length and depth of what is written are bounded', () => {
  const { log, lines } = capture()
  const deep: Record<string, unknown> = {}
  deep.deep = deep
  log.info({ said: 'x'.repeat(100_000), list: Array(1000).fill(1), deep }, 'much')
  expect(JSON.stringify(lines[0]).length).toBeLessThan(3_000)
})

test('an error is written with its type, message and stack', () => {
  const { log, lines } = capture()
  log.warn({ err: new TypeError('broken') }, 'trouble')
  expect(lines[0]?.err).toMatchObject({ type: 'TypeError', message: 'broken', stack: expect.any(String) })
})

describe('numbers', () => {
  test.each([
    ['+12065550100', '+1206***0100'],
    ['tel:+12065550100;x=1', 'tel:+1206***0100;x=1'],
    ['sip:12065550100@h', 'sip:1206***0100@h'],
    ['"destination_addr":"12065550100"', '"destination_addr":"1206***0100"'],
    ['submit_sm destination_addr=12065550100', 'submit_sm destination_addr=1206***0100'],
    ['tel:911', 'tel:911'],
    ['message 1763620000000', 'message 1763620000000'],
    ['+5550100', '+***0100'],
    ['from tel:+12065550100 to sips:2065550123@h', 'from tel:+1206***0100 to sips:206***0123@h'],
    ['+123456789012345', '+12345678***2345'],
    ['+1234567890123456', '+1234567890123456'],
    ['hotel:12065550100', 'hotel:12065550100'],
  ])('%s is masked as %s', (clear, masked) => {
    expect(maskNumbers(clear)).toBe(masked)
  })

  test('the policy holds for every field of a log line, also of a child', () => {
    const { log, lines } = capture({ maskNumbers: true })
    log.child({ from: 'tel:+12065550101' }).info({ nested: { to: ['tel:+12065550100'] } }, 'sent to +12065550100')
    expect(JSON.stringify(lines)).not.toMatch(/\d{7}(?=")/)
    expect(lines[0]).toMatchObject({ from: 'tel:+1206***0101', nested: { to: ['tel:+1206***0100'] } })
    const open = capture()
    open.log.info({ to: 'tel:+12065550100' }, 'sent')
    expect(open.lines[0]).toMatchObject({ to: 'tel:+12065550100' })
  })
})
