import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CHECKPOINTS, type Checkpoint } from '../../gateway/observe/checkpoint.js'
import { ladder } from '../../gateway/observe/ladder.js'

const at = Date.UTC(2026, 10, 20, 12, 0, 0, 5)
const checkpoint = (ms: number, what: Checkpoint['what'], line: string, peer?: string, direction?: 'in' | 'out') => ({
  messageId: 'm1',
  node: 'gw1',
  at: at + ms,
  what,
  line,
  ...(peer === undefined ? {} : { peer }),
  ...(direction === undefined ? {} : { direction }),
})

test('a message out and its report back, as a ladder', () => {
  const drawn = ladder([
    checkpoint(0, 'received', 'MESSAGE tel:+12065550100', 'device sip:alice@cpm.example'),
    checkpoint(1, 'routed', 'sms: tel:+12065550101 to tel:+12065550100'),
    checkpoint(2, 'stored', '202 Accepted', 'device sip:alice@cpm.example', 'out'),
    checkpoint(4, 'attempted', 'attempt 1', 'sms'),
    checkpoint(9, 'answered', 'submit_sm_resp ESME_ROK message_id=4711 and more than fits', 'sms'),
    checkpoint(900, 'reported', 'stat:DELIVRD', 'sms'),
    checkpoint(903, 'notified', 'IMDN delivered: 200 OK', 'device', 'out'),
    checkpoint(904, 'ended', 'delivered'),
  ])
  expect(drawn).toMatchInlineSnapshot(`
    "         device alice    Causeway         sms
    12:00:00.005   │────────────>│             │  MESSAGE tel:+12065550100
    12:00:00.006   │             ●             │  routed sms: tel:+12065550101 to tel:+12065550100
    12:00:00.007   │<────────────│             │  202 Accepted
    12:00:00.009   │             │────────────>│  attempt 1
    12:00:00.014   │             │<────────────│  submit_sm_resp ESME_ROK message_id=4711 and more than
                   │             │             │  fits
    12:00:00.905   │             │<────────────│  stat:DELIVRD
    12:00:00.908   │<────────────│             │  IMDN delivered: 200 OK
    12:00:00.909   │             ●             │  ended delivered"
  `)
})

test('a refusal names itself, and what is longer than four lines is cut', () => {
  const refused = ladder([checkpoint(0, 'refused', 'unknown-recipient', 'device sip:alice@cpm.example', 'out')])
  expect(refused).toMatch(/│<─+│ {2}refused unknown-recipient$/)
  const rows = ladder([checkpoint(0, 'routed', `${'word '.repeat(40)}${'x'.repeat(500)}`)]).split('\n')
  expect(rows).toHaveLength(5)
  expect(rows.at(-1)).toMatch(/x…$/)
})

test('more than two on one side share the last column, and the gateway is always there', () => {
  const peers = ['device sip:a@x', 'device sip:b@x', 'device sip:c@x', 'core', 'sms', 'mms', 'im']
  const [heading, ...rows] = ladder(peers.map((peer) => checkpoint(0, 'attempted', peer, peer))).split('\n')
  expect(heading?.trim().split(/ {2,}/)).toEqual(['device a', 'device b', 'Causeway', 'sms', 'mms'])
  const columns = rows.map((row) => row.search(/[<>]/))
  expect(columns[2]).toBe(columns[1])
  expect(columns[3]).toBe(columns[1])
  expect(columns[6]).toBe(columns[5])
  expect(ladder([])).toBe('           Causeway')
})

test('whatever was noted: some lines each, at most 100 columns, nothing that moves the cursor', () => {
  const anything = fc.record({
    messageId: fc.string(),
    node: fc.string(),
    at: fc.integer({ min: 0, max: 4e12 }),
    what: fc.constantFrom(...CHECKPOINTS),
    line: fc.string({ unit: 'binary-ascii', maxLength: 300 }),
    peer: fc.option(
      fc.oneof(
        fc.constantFrom('device', 'core', 'sms', 'device sip:a@b'),
        fc.string({ unit: 'binary-ascii', maxLength: 120 }),
      ),
      {
        nil: undefined,
      },
    ),
    direction: fc.constantFrom<'in' | 'out'>('in', 'out'),
  })
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 20 }), (checkpoints) => {
      const lines = ladder(
        checkpoints.map(({ peer, ...rest }) => (peer === undefined ? rest : { ...rest, peer })),
      ).split('\n')
      expect(lines.length).toBeGreaterThanOrEqual(checkpoints.length + 1)
      expect(lines.length).toBeLessThanOrEqual(checkpoints.length * 4 + 1)
      for (const line of lines) {
        expect(line.length).toBeLessThanOrEqual(100)
        expect(line).not.toMatch(/\p{Cc}/u)
      }
    }),
  )
})
