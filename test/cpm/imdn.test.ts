import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MessageId, Uri } from '../../gateway/cpm/ids.js'
import { buildImdn, parseImdn } from '../../gateway/cpm/imdn.js'
import type { Disposition, DispositionNotification } from '../../gateway/cpm/message.js'

const head =
  '<message-id>Msg-1</message-id><datetime>2024-05-01T10:15:30.000Z</datetime><recipient-uri>sip:+15550101@home.example;user=phone</recipient-uri>'
const document = (inner: string, attributes = '') =>
  `<?xml version="1.0"?><imdn xmlns="urn:ietf:params:xml:ns:imdn"${attributes}>${inner}</imdn>`
const delivered = '<delivery-notification><status><delivered/></status></delivery-notification>'
const options = { domain: 'home.example' }

const notification = (disposition: Disposition): DispositionNotification => ({
  messageId: 'Msg-1' as MessageId,
  sentAt: Date.UTC(2024, 4, 1, 10, 15, 30),
  recipient: 'tel:+15550101' as Uri,
  disposition,
})

const every: Disposition[] = [
  { kind: 'delivery', status: 'delivered' },
  { kind: 'delivery', status: 'failed' },
  { kind: 'delivery', status: 'forbidden' },
  { kind: 'delivery', status: 'error' },
  { kind: 'display', status: 'displayed' },
  { kind: 'display', status: 'forbidden' },
  { kind: 'display', status: 'error' },
  { kind: 'processing', status: 'processed' },
  { kind: 'processing', status: 'stored' },
  { kind: 'processing', status: 'forbidden' },
  { kind: 'processing', status: 'error' },
  { kind: 'interworking', status: 'legacy-sms' },
  { kind: 'interworking', status: 'legacy-mms' },
]

describe('message/imdn+xml', () => {
  it('IMDN-06 reads a delivery notification', () =>
    expect(parseImdn(document(head + delivered), options)).toEqual(
      notification({ kind: 'delivery', status: 'delivered' }),
    ))

  it.each(every)('IMDN-02 writes and reads $kind $status', (disposition) =>
    expect(parseImdn(buildImdn(notification(disposition)))).toEqual(notification(disposition)),
  )

  const extension = ' xmlns:e="urn:oma:xml:cpm:imdn-extensions:1.0"'
  it.each([
    '<e:interworking-notification><e:status><e:legacy-sms/></e:status></e:interworking-notification>',
    '<interworking-notification><status><e:legacy-sms/></status></interworking-notification>',
  ])('reads both shapes of the interworking notification: %s', (shape) =>
    expect(parseImdn(document(head + shape, extension), options)).toEqual(
      notification({ kind: 'interworking', status: 'legacy-sms' }),
    ),
  )

  it('writes the interworking notification wholly in the extension namespace', () =>
    expect(buildImdn(notification({ kind: 'interworking', status: 'legacy-mms' }))).toContain(
      '<cpmimdn:interworking-notification><cpmimdn:status><cpmimdn:legacy-mms/></cpmimdn:status></cpmimdn:interworking-notification>',
    ))

  it('takes any prefix, comments, unknown elements and CDATA', () =>
    expect(
      parseImdn(
        `<i:imdn xmlns:i="urn:ietf:params:xml:ns:imdn"><!-- c --><i:message-id> <![CDATA[Msg-1]]> </i:message-id><i:datetime>2024-05-01T10:15:30Z</i:datetime><x>y</x><i:recipient-uri>tel:+15550101</i:recipient-uri><i:delivery-notification><i:status><i:delivered/></i:status></i:delivery-notification></i:imdn>`,
      ),
    ).toEqual(notification({ kind: 'delivery', status: 'delivered' })))

  it('names the sender as recipient when the group hides its members', () =>
    expect(
      parseImdn(document(head.replace(/<recipient.*/, '') + delivered), { sender: 'sip:group@home.example' as Uri }),
    ).toMatchObject({ recipient: 'sip:group@home.example' }))

  const bomb =
    '<!DOCTYPE imdn [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]><imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>&c;</message-id></imdn>'
  const attributes = Array.from({ length: 40 }, (_, i) => ` a${i}="x"`).join('')
  it.each([
    ['nothing', '', 'malformed'],
    ['another root', '<imdn/>', 'malformed'],
    ['an unclosed element', document(`${head}<x>`), 'malformed'],
    ['an unknown entity', document(`${head}&x;`), 'malformed'],
    ['two roots', document(head + delivered) + document(''), 'malformed'],
    ['no message-id', document(head.replace('Msg-1', '') + delivered), 'malformed'],
    ['a message-id with spaces', document(head.replace('Msg-1', 'a b') + delivered), 'malformed'],
    ['a message-id of 256 characters', document(head.replace('Msg-1', 'a'.repeat(256)) + delivered), 'malformed'],
    ['no datetime', document(head.replace(/<datetime>.*<\/datetime>/, '') + delivered), 'malformed'],
    ['no recipient', document(head.replace(/<recipient.*/, '') + delivered), 'malformed'],
    ['no notification', document(head), 'malformed'],
    ['two notifications', document(head + delivered + delivered), 'malformed'],
    ['an unknown status', document(head + delivered.replace('<delivered/>', '<gone/>')), 'malformed'],
    ['a status of another kind', document(head + delivered.replace('<delivered/>', '<displayed/>')), 'malformed'],
    ['an entity bomb', bomb, 'unsafe-xml'],
    ['a document of more than 64 KiB', document(head + 'x'.repeat(65_536)), 'too-large'],
    ['3000 levels', document('<a>'.repeat(3000)), 'too-large'],
    ['17 levels', document(`${head}${'<a>'.repeat(16)}${'</a>'.repeat(16)}${delivered}`), 'too-large'],
    ['201 elements', document('<a/>'.repeat(201)), 'too-large'],
    ['40 attributes', document(head, attributes), 'too-large'],
  ])('refuses %s', (_what, xml, fault) => expect(parseImdn(xml)).toMatchObject({ kind: 'fault', fault }))

  it('what is written is read back', () => {
    const subject = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
      .map((text) => text.replace(/[\0-\x1f\x7f-\x9f\ufffe\uffff]/g, '').trim())
      .filter((text) => text !== '')
    const uri = fc.constantFrom('tel:+15550101', 'sip:a&b@x.example', "xmpp:o'k@x.example") as fc.Arbitrary<Uri>
    fc.assert(
      fc.property(
        fc.record(
          {
            messageId: fc.stringMatching(/^[\w.!%*+`'~-]{1,40}$/) as fc.Arbitrary<MessageId>,
            sentAt: fc.integer({ min: 0, max: 4e12 }),
            recipient: uri,
            originalRecipient: uri,
            subject,
            disposition: fc.constantFrom(...every),
          },
          { requiredKeys: ['messageId', 'sentAt', 'recipient', 'disposition'] },
        ),
        (n) => {
          expect(parseImdn(buildImdn(n))).toEqual(n)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('never throws', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '</',
      '/>',
      '&',
      ';',
      '<!',
      '<?',
      '<![CDATA[',
      ']]>',
      'xmlns="a"',
      head,
      delivered,
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 4 })), { maxLength: 20 }), (pieces) => {
        parseImdn(pieces.join(''))
        parseImdn(document(pieces.join('')))
      }),
      { numRuns: 2000 },
    )
  })
})
