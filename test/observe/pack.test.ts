import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CHECKPOINTS, type Checkpoint } from '../../gateway/observe/checkpoint.js'
import { add, emptyPack, PACK, type Pack, packText, unpack } from '../../gateway/observe/pack.js'

const line = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', ' '))
const some = line.filter((text) => text !== '')
const checkpoint: fc.Arbitrary<Checkpoint> = fc.record(
  {
    messageId: line,
    at: fc.nat({ max: 4_102_444_800_000 }),
    node: fc.constant('gw1'),
    what: fc.constantFrom(...CHECKPOINTS),
    line,
    peer: some,
    direction: fc.constantFrom('in' as const, 'out' as const),
    conversation: some,
  },
  { requiredKeys: ['messageId', 'at', 'node', 'what', 'line'] },
)

function filled(checkpoints: readonly Checkpoint[]): Pack {
  const pack = emptyPack()
  for (const { messageId, at, what, line: said, peer = '', direction = '', conversation = '' } of checkpoints) {
    add(pack, messageId, at, what, said, peer, direction, conversation)
  }
  return pack
}

test('what was added is what is read, up to a full pack', () => {
  fc.assert(
    fc.property(fc.array(checkpoint, { minLength: 1, maxLength: PACK, size: 'max' }), (checkpoints) => {
      expect(unpack(packText(filled(checkpoints)), 'gw1')).toEqual(checkpoints)
    }),
    { numRuns: 50 },
  )
})

test('a text of several lines becomes one, and moves nothing', () => {
  const pack = emptyPack()
  add(pack, 'm\n1', 5, 'received', 'first\nsecond', 'device\n', 'in', '')
  add(pack, 'm2', 6, 'stored', '', '', '', '')
  expect(unpack(packText(pack), 'gw1')).toEqual([
    { messageId: 'm 1', at: 5, node: 'gw1', what: 'received', line: 'first second', peer: 'device ', direction: 'in' },
    { messageId: 'm2', at: 6, node: 'gw1', what: 'stored', line: '' },
  ])
})

test('any text can be read', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => unpack(text, 'gw1').length <= text.length / 6))
})
