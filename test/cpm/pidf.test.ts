import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Uri } from '../../gateway/cpm/ids.js'
import { buildPidf, parsePidf } from '../../gateway/cpm/pidf.js'
import { ACTIVITIES, type PresenceState } from '../../gateway/cpm/presence.js'

const ENTITY = 'sip:+12065550100@cpm.example'
const document = (inside: string): string =>
  `<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
     xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="${ENTITY}">${inside}</presence>`
const stateOf = (inside: string): PresenceState => {
  const read = parsePidf(document(inside))
  if ('kind' in read) throw new Error(read.said)
  return read.state
}

test('PRES-05 a tuple and a person with all that is mapped', () => {
  expect(
    stateOf(`
      <tuple id="t1">
        <status><basic>open</basic></status>
        <contact priority="0.8">sip:alice@192.0.2.1</contact>
        <note xml:lang="en">In the office</note><note xml:lang="de">Im Büro</note>
        <timestamp>2024-05-01T10:15:30Z</timestamp>
      </tuple>
      <dm:person id="p1">
        <rpid:activities><rpid:note>x</rpid:note><rpid:meeting/><rpid:meeting/><rpid:juggling/></rpid:activities>
        <rpid:mood><rpid:happy/></rpid:mood>
        <rpid:user-input last-input="2024-05-01T10:00:00Z">idle</rpid:user-input>
        <dm:note>Back at 3</dm:note>
      </dm:person>`),
  ).toEqual({
    tuples: [
      {
        id: 't1',
        open: true,
        priority: 0.8,
        contact: 'sip:alice@192.0.2.1',
        note: { text: 'In the office', language: 'en' },
        at: Date.parse('2024-05-01T10:15:30Z'),
      },
    ],
    person: {
      activities: ['meeting'],
      moods: ['happy'],
      idle: { since: Date.parse('2024-05-01T10:00:00Z') },
      note: { text: 'Back at 3' },
    },
  })
})

test('a document without tuples, a tuple without basic, and elements of others are legal', () => {
  expect(stateOf('')).toEqual({ tuples: [] })
  expect(stateOf('<tuple id="a"><status/></tuple><x:y xmlns:x="urn:other"/>')).toEqual({ tuples: [{ id: 'a' }] })
})

test.each([
  [
    'bad values are as if absent',
    '<tuple id="a"><status><basic>ajar</basic></status><contact priority="7">no uri</contact></tuple>',
  ],
  ['a bad timestamp is none', '<tuple id="a"><status/><timestamp>yesterday</timestamp></tuple>'],
])('%s', (_name, inside) => {
  expect(stateOf(inside)).toEqual({ tuples: [{ id: 'a' }] })
})

test('a tuple without an id, or with one that is none, is left out', () => {
  expect(stateOf('<tuple><status/></tuple><tuple id="1 2"><status/></tuple>')).toEqual({ tuples: [] })
})

describe('refused documents', () => {
  test.each([
    ['malformed', '<presence'],
    ['malformed', '<presence xmlns="urn:ietf:params:xml:ns:pidf"/>'],
    ['malformed', '<other entity="sip:a@b"/>'],
    ['unsafe-xml', `<!DOCTYPE p [<!ENTITY a "b">]>${document('')}`],
    ['too-large', document('<tuple id="a"/>'.repeat(33))],
    ['too-large', document('<a>'.repeat(40) + '</a>'.repeat(40))],
    ['too-large', document(`<note>${'x'.repeat(70_000)}</note>`)],
  ])('%s: %s', (fault, text) => {
    expect(parsePidf(text)).toMatchObject({ kind: 'fault', fault })
  })
})

const word = fc.stringMatching(/^[\x20-\x7e]{1,20}$/).map((text) => text.trim() || 'x')
const note = fc.record({ text: word, language: fc.constantFrom('en', 'de-CH') }, { requiredKeys: ['text'] })
const tuple = fc.record(
  {
    id: fc.stringMatching(/^[a-z_][a-z0-9._-]{0,20}$/),
    open: fc.boolean(),
    contact: fc.constantFrom('tel:+12065550100' as Uri, 'sip:a&b@c.example' as Uri),
    note,
    at: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  },
  { requiredKeys: ['id'] },
)
const person = fc.record(
  {
    activities: fc.uniqueArray(fc.constantFrom(...ACTIVITIES), { maxLength: 3 }),
    moods: fc.uniqueArray(fc.constantFrom('happy', 'in_love'), { maxLength: 2 }),
    note,
    idle: fc.record({ since: fc.integer({ min: 0, max: 4_000_000_000_000 }) }, { requiredKeys: [] }),
  },
  { requiredKeys: ['activities', 'moods'] },
)

test('what is written is read again as it was', () => {
  fc.assert(
    fc.property(
      fc.record({ tuples: fc.array(tuple, { maxLength: 4 }), person }, { requiredKeys: ['tuples'] }),
      (state) => {
        expect(parsePidf(buildPidf(ENTITY, state))).toEqual({ entity: ENTITY, state })
      },
    ),
  )
})

test('any text is read or refused', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => void parsePidf(document(text))),
    { numRuns: 500 },
  )
})
