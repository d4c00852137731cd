import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCpmBody } from '../../gateway/cpm/decode.js'
import { encodeMessageBody, encodeNotificationsBody } from '../../gateway/cpm/encode.js'
import type { MessageId, Uri } from '../../gateway/cpm/ids.js'
import type { CpmMessage, ListedRecipient } from '../../gateway/cpm/message.js'
import { buildRecipientList, historyOf, parseRecipientList } from '../../gateway/cpm/recipient-list.js'

const OPTIONS = { domain: 'cpm.example', defaultCountry: 'US' }
const RESOURCE = 'urn:ietf:params:xml:ns:resource-lists'

const lists = (...entries: string[]): string =>
  `<resource-lists xmlns="${RESOURCE}" xmlns:cp="urn:ietf:params:xml:ns:copyControl"><list>${entries.join('')}</list></resource-lists>`

const read = (xml: string) => parseRecipientList(xml, OPTIONS)

describe('recipient lists (RFC 5364, RFC 5365)', () => {
  it('MSG-02 takes entries of any scheme, in their order, with who is copied openly', () =>
    expect(
      read(
        lists(
          '<entry uri="tel:+1-206-555-0101" cp:copyControl="to"/>',
          '<entry uri="wv:bob@imps.example" cp:copyControl="cc" cp:anonymize="true"><display-name>Bob</display-name></entry>',
          '<entry uri="mailto:eve@mail.example"/>',
          '<entry uri="gopher://unheard.example/of" cp:copyControl="bcc"/>',
        ),
      ),
    ).toEqual([
      { uri: 'tel:+12065550101', copy: 'to' },
      { uri: 'wv:bob@imps.example', copy: 'cc', anonymize: true },
      { uri: 'mailto:eve@mail.example', copy: 'bcc' },
      { uri: 'gopher://unheard.example/of', copy: 'bcc' },
    ]))

  it('ID-15 keeps an address once, however it is spelled, with the most open copy', () =>
    expect(
      read(
        lists(
          '<entry uri="tel:+12065550101" cp:copyControl="bcc"/>',
          '<entry uri="sip:+12065550101@cpm.example;user=phone" cp:copyControl="to"/>',
          '<entry uri="tel:2065550101" cp:copyControl="cc"/>',
        ),
      ),
    ).toEqual([{ uri: 'tel:+12065550101', copy: 'to' }]))

  it.each([
    ['no XML', 'x', 'malformed'],
    ['another document', '<a/>', 'malformed'],
    ['no entry', lists(), 'malformed'],
    ['an entry without address', lists('<entry/>'), 'malformed'],
    ['a list within a list', lists('<list><entry uri="tel:+12065550101"/></list>'), 'malformed'],
    ['a document type', `<!DOCTYPE a [<!ENTITY b "c">]>${lists('<entry uri="&b;"/>')}`, 'unsafe-xml'],
    ['ten thousand entries', lists('<entry uri="tel:+12065550101"/>'.repeat(10_000)), 'too-large'],
    ['lists nested a thousand deep', '<list>'.repeat(1000), 'too-large'],
  ])('GRP-ORIG-04 refuses %s', (_what, xml, fault) => expect(read(xml)).toMatchObject({ kind: 'fault', fault }))

  it('GRP-ORIG-04 an entry that is kept elsewhere, or is no address, is unusable by itself', () =>
    expect(
      read(
        lists(
          '<entry-ref ref="resource-lists/users/x"/>',
          '<external anchor="http://xcap.example/list"/>',
          '<entry uri="bob" cp:copyControl="to"/>',
          '<entry uri="tel:+12065550101"/>',
        ),
      ),
    ).toEqual([
      { uri: 'resource-lists/users/x', copy: 'bcc', unusable: true },
      { uri: 'http://xcap.example/list', copy: 'bcc', unusable: true },
      { uri: 'bob', copy: 'bcc', unusable: true },
      { uri: 'tel:+12065550101', copy: 'bcc' },
    ]))

  it('shows recipients nobody who got a blind copy, and no address of one who stays anonymous', () =>
    expect(
      historyOf([
        { uri: 'tel:+12065550101' as Uri, copy: 'to' },
        { uri: 'tel:+12065550102' as Uri, copy: 'cc', anonymize: true },
        { uri: 'tel:+12065550103' as Uri, copy: 'bcc' },
      ]),
    ).toEqual([
      { uri: 'tel:+12065550101', copy: 'to' },
      { uri: 'sip:anonymous@anonymous.invalid', copy: 'cc', anonymize: true },
    ]))

  it('reads what it writes', () =>
    fc.assert(
      fc.property(recipients, (list) => {
        expect(read(buildRecipientList(list))).toEqual(list)
      }),
    ))

  it('never throws, whatever stands in the list', () => {
    const whole = lists('<entry uri="tel:+12065550101" cp:copyControl="to"/>', '<entry uri="sip:a@b"/>')
    const broken = fc.tuple(fc.nat(whole.length), fc.nat(20), fc.string()).map(([at, drop, put]) => {
      return whole.slice(0, at) + put + whole.slice(at + drop)
    })
    fc.assert(
      fc.property(fc.oneof(fc.string(), broken), (xml) => {
        const found = read(xml)
        if ('kind' in found) expect(found.kind).toBe('fault')
        else
          for (const { uri, unusable } of found)
            expect(uri).toMatch(unusable ? /^[!-~]+$/ : /^[a-z][a-z0-9+.-]*:[!-~]*$/i)
      }),
      { numRuns: 500 },
    )
  })
})

const recipients = fc
  .uniqueArray(fc.integer({ min: 2000000, max: 9999999 }), { minLength: 1, maxLength: 20 })
  .chain((numbers) =>
    fc.tuple(
      ...numbers.map((number) =>
        fc.record({ copy: fc.constantFrom('to', 'cc', 'bcc'), anonymize: fc.boolean() }).map(
          ({ copy, anonymize }): ListedRecipient => ({
            uri: `tel:+1206${number}` as Uri,
            copy: copy as 'to',
            ...(anonymize && { anonymize }),
          }),
        ),
      ),
    ),
  )

describe('the body of a list message', () => {
  const context = {
    from: 'sip:alice@cpm.example' as Uri,
    addresses: ['sip:alice@cpm.example' as Uri],
    target: 'sip:lists@cpm.example' as Uri,
    now: 1_000,
    defaultLifeMs: 60_000,
    maxLifeMs: 60_000,
    ...OPTIONS,
  }
  const message: CpmMessage = {
    messageId: 'Msg-1' as MessageId,
    from: context.from,
    to: context.target,
    sentAt: 1_000,
    expiresAt: 61_000,
    privacy: false,
    dispositions: ['positive-delivery'],
    content: { type: 'text/plain;charset=utf-8', text: 'Grüße' },
  }
  const decode = (contentType: string, body: string) =>
    decodeCpmBody({ contentType, body, header: () => undefined }, context)
  const part = (disposition: string, body: string) =>
    `--b\r\nContent-Type: application/resource-lists+xml\r\nContent-Disposition: ${disposition}\r\n\r\n${body}\r\n`
  const listed = (...parts: string[]) =>
    decode(
      'multipart/mixed;boundary=b',
      `${parts.join('')}--b\r\nContent-Type: message/cpim\r\n\r\n${encodeMessageBody(message).body}\r\n--b--\r\n`,
    )

  it('MSG-02 gives the message and its recipients', () =>
    expect(listed(part('recipient-list', lists('<entry uri="tel:+12065550101" cp:copyControl="to"/>')))).toEqual({
      kind: 'message',
      message,
      recipients: [{ uri: 'tel:+12065550101', copy: 'to' }],
    }))

  it.each([
    ['two lists', [part('recipient-list', lists()), part('recipient-list', lists())], 'malformed'],
    ['a list with errors', [part('recipient-list', '<resource-lists>')], 'malformed'],
  ])('refuses %s', (_what, parts, fault) => expect(listed(...parts)).toMatchObject({ kind: 'fault', fault }))

  it('a copy carries who else got it openly, and a history that cannot be read is left out', () => {
    const copy: CpmMessage = { ...message, listHistory: [{ uri: 'tel:+12065550102' as Uri, copy: 'cc' }] }
    const { contentType, body } = encodeMessageBody(copy)
    expect(body).toContain('Content-Disposition: recipient-list-history; handling=optional')
    expect(decode(contentType, body)).toEqual({ kind: 'message', message: copy })
    expect(listed(part('recipient-list-history', '<x'))).toEqual({ kind: 'message', message })
  })

  it('a copy of a group says whom it is for: the group stays in To, and has recorded itself', () => {
    const group = 'sip:friends@groups.cpm.example' as Uri
    const sent = { ...message, to: group, recordRoute: [group] }
    const { contentType, body } = encodeMessageBody(sent)
    expect(decode(contentType, body)).toEqual({ kind: 'message', message: { ...sent, copyFor: context.target } })
  })

  it('IMDN-03 several notifications travel as parts of one message and are read as they were', () => {
    const notifications = ['tel:+12065550101', 'tel:+12065550102'].map((recipient) => ({
      messageId: 'Msg-1' as MessageId,
      sentAt: 1_000,
      recipient: recipient as Uri,
      disposition: { kind: 'delivery', status: 'delivered' } as const,
    }))
    const envelope = { from: context.from, to: context.from, messageId: 'Ntf-1' as MessageId, at: 2_000 }
    const { contentType, body } = encodeNotificationsBody(notifications, envelope)
    expect(body.match(/Content-Type: message\/imdn\+xml/g)).toHaveLength(2)
    expect(body).not.toContain('Disposition-Notification')
    expect(decode(contentType, body)).toMatchObject({ kind: 'notifications', notifications })
  })
})
