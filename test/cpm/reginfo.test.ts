import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildReginfo, type ContactInfo, parseReginfo, type Reginfo } from '../../gateway/cpm/reginfo.js'

const NAMESPACE = 'urn:ietf:params:xml:ns:reginfo'

const contact: ContactInfo = {
  id: 'c1',
  state: 'active',
  event: 'registered',
  uri: 'sip:u1@192.0.2.7:5060;transport=tcp',
  displayName: 'Tablet "1" <&>',
  expires: 3600,
  q: 0.5,
  callId: 'x9@192.0.2.7',
  cseq: 2,
  parameters: [
    ['+sip.instance', '"<urn:uuid:a3c1d7e2-5b84-4f0e-9c26-71d0e8b5f3a9>"'],
    ['audio', true],
  ],
}

const document = (attributes: string, inner = ''): string =>
  `<reginfo xmlns="${NAMESPACE}" ${attributes}>${inner}</reginfo>`
const FULL = 'version="0" state="full"'

describe('REGEV-03 a document', () => {
  it('has what RFC 3680 §5 names, escaped', () => {
    const text = buildReginfo({
      version: 7,
      state: 'partial',
      registrations: [{ aor: 'tel:+15550100', id: 'r1', state: 'active', contacts: [contact] }],
    })
    expect(text).toContain(`<reginfo xmlns="${NAMESPACE}" version="7" state="partial">`)
    expect(text).toContain('<registration aor="tel:+15550100" id="r1" state="active">')
    expect(text).toContain(
      '<contact id="c1" state="active" event="registered" expires="3600" q="0.5" callid="x9@192.0.2.7" cseq="2">',
    )
    expect(text).toContain('<display-name>Tablet &#34;1&#34; &#60;&#38;&#62;</display-name>')
    expect(text).toContain('<unknown-param name="audio"></unknown-param>')
  })

  it('is read with elements of other namespaces in it, as IMS cores send them', () => {
    const gruu = '<gr:pub-gruu xmlns:gr="urn:ietf:params:xml:ns:gruuinfo" uri="sip:x;gr=y"/>'
    const inner =
      '<registration aor=" " id="r0" state="init"/>' +
      `<registration aor="sip:a@b" id="r1" state="active"><contact id="c" state="active" event="created" q="0.500">` +
      `<uri> sip:c@d </uri>${gruu}<unknown-param name="Audio"/><unknown-param name="bad name">x</unknown-param>` +
      '</contact></registration>'
    expect(parseReginfo(document(FULL, inner))).toEqual({
      version: 0,
      state: 'full',
      registrations: [
        { aor: ' ', id: 'r0', state: 'init', contacts: [] },
        {
          aor: 'sip:a@b',
          id: 'r1',
          state: 'active',
          contacts: [
            { id: 'c', state: 'active', event: 'created', uri: 'sip:c@d', q: 0.5, parameters: [['audio', true]] },
          ],
        },
      ],
    })
  })

  it.each([
    ['another root', '<presence xmlns="urn:ietf:params:xml:ns:pidf"/>', 'malformed'],
    ['no namespace', '<reginfo version="0" state="full"/>', 'malformed'],
    ['no version', document('state="full"'), 'malformed'],
    ['a version that is none', document('version="-1" state="full"'), 'malformed'],
    ['another state', document('version="0" state="some"'), 'malformed'],
    ['a registration without id', document(FULL, '<registration aor="sip:a@b" state="init"/>'), 'malformed'],
    ['a registration without state', document(FULL, '<registration aor="sip:a@b" id="r"/>'), 'malformed'],
    ['an unknown event', document(FULL, registered('event="moved" state="active"')), 'malformed'],
    ['a contact without state', document(FULL, registered('event="created"')), 'malformed'],
    ['a document type', `<!DOCTYPE reginfo>${document(FULL)}`, 'unsafe-xml'],
    ['endless depth', document(FULL, '<a>'.repeat(50)), 'too-large'],
    ['endless length', document(FULL, ' '.repeat(600_000)), 'too-large'],
    ['endless contacts', document(FULL, '<a/>'.repeat(20_000)), 'too-large'],
  ])('REGEV-02 %s is refused', (_what, text, fault) => {
    expect(parseReginfo(text)).toMatchObject({ kind: 'fault', fault })
  })
})

function registered(attributes: string): string {
  return `<registration aor="sip:a@b" id="r" state="active"><contact id="c" ${attributes}><uri>sip:c@d</uri></contact></registration>`
}

describe('REGEV-02 whatever comes', () => {
  it('is read or refused, and nothing else happens', () => {
    const valid = buildReginfo({
      version: 1,
      state: 'full',
      registrations: [{ aor: 'sip:a@b', id: 'r', state: 'active', contacts: [contact] }],
    })
    const broken = fc.tuple(fc.nat(valid.length), fc.nat(20), fc.string({ unit: 'binary', maxLength: 20 }))
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), broken), (input) => {
        const text =
          typeof input === 'string' ? input : valid.slice(0, input[0]) + input[2] + valid.slice(input[0] + input[1])
        const read = parseReginfo(text)
        expect('kind' in read ? read.kind : 'read').toMatch(/^(fault|read)$/)
      }),
      { numRuns: 500 },
    )
  })

  it('what is written is read back', () => {
    const word = fc.stringMatching(/^[\w.:@+;=-]{1,30}$/)
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
      .map((value) => value.replace(/[\0-\x1f\x7f-\x9f\ufffe\uffff]/g, '').trim())
      .filter((value) => value !== '')
    const natural = fc.nat(1_000_000)
    const contacts = fc.record(
      {
        id: word,
        state: fc.constantFrom('active', 'terminated'),
        event: fc.constantFrom('registered', 'refreshed', 'expired', 'probation'),
        uri: word,
        displayName: text,
        expires: natural,
        retryAfter: natural,
        q: fc.constantFrom(0, 0.25, 1),
        callId: word,
        cseq: natural,
        parameters: fc.array(
          fc.tuple(fc.stringMatching(/^[a-z+.-]{1,20}$/), fc.oneof(text, fc.constant(true as const))),
        ),
      },
      { requiredKeys: ['id', 'state', 'event', 'uri', 'parameters'] },
    )
    const documents: fc.Arbitrary<Reginfo> = fc.record({
      version: natural,
      state: fc.constantFrom('full', 'partial'),
      registrations: fc.array(
        fc.record({
          aor: word,
          id: word,
          state: fc.constantFrom('init', 'active', 'terminated'),
          contacts: fc.array(contacts as fc.Arbitrary<ContactInfo>, { maxLength: 3 }),
        }),
        { maxLength: 3 },
      ),
    })
    fc.assert(
      fc.property(documents, (reginfo) => {
        expect(parseReginfo(buildReginfo(reginfo))).toEqual(reginfo)
      }),
      { numRuns: 200 },
    )
  })
})
