import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DecodeContext, decodeCpmBody, type SipMessageView } from '../../gateway/cpm/decode.js'
import { cpmHeaders, encodeMessageBody, encodeNotificationBody } from '../../gateway/cpm/encode.js'
import { sipAnswerFor } from '../../gateway/cpm/failure.js'
import type { ContributionId, ConversationId, MessageId, ServiceId, Uri } from '../../gateway/cpm/ids.js'
import type { CpmMessage, DispositionNotification } from '../../gateway/cpm/message.js'

const now = Date.UTC(2024, 4, 1, 10, 15, 31)
const alice = 'sip:alice@home.example' as Uri
const aliceNumber = 'tel:+15550100' as Uri
const bob = 'tel:+15550101' as Uri
const context: DecodeContext = {
  from: alice,
  addresses: [alice, aliceNumber],
  target: bob,
  now,
  defaultLifeMs: 3_600_000,
  maxLifeMs: 86_400_000,
  domain: 'home.example',
}

function view(contentType: string | undefined, body: string, headers: Record<string, string> = {}): SipMessageView {
  const byName = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  return { ...(contentType !== undefined && { contentType }), body, header: (name) => byName.get(name.toLowerCase()) }
}

const cpim = (head: string, content = 'Content-Type: text/plain\r\n\r\nhi') =>
  `From: <sip:+15550100@home.example>\r\nTo: <tel:+15550101>\r\n${head}\r\n${content}`
const asking = (tokens: string) =>
  `DateTime: 2024-05-01T10:15:30.000Z\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: Msg-1\r\nimdn.Disposition-Notification: ${tokens}\r\n`

function message(read: ReturnType<typeof decodeCpmBody>): CpmMessage {
  if (read.kind !== 'message') throw new Error(`${read.kind} ${'said' in read ? read.said : ''}`)
  return read.message
}
const decoded = (body: string, headers: Record<string, string> = {}) =>
  message(decodeCpmBody(view('Message/CPIM', body, headers), context))
const refused = (read: ReturnType<typeof decodeCpmBody>) => {
  if (read.kind !== 'fault') throw new Error(`no fault: ${read.kind}`)
  return [read.fault, sipAnswerFor(read.reason).status]
}

describe('a message in message/cpim', () => {
  it('CONV-01 CONV-02 CONV-03 carries its identities, and all else the headers say', () => {
    const read = decoded(cpim(asking('positive-delivery, negative-delivery')), {
      'Conversation-ID': '0b6f8a52-6d1e-4c53-9a34-2f0d8f2a9a11',
      'Contribution-ID': 'c-1',
      'InReplyTo-Contribution-ID': 'c-0',
      'Non-CPM-Service': 'sms;bind=a',
      Expires: '60',
      Priority: 'Urgent',
      Privacy: 'header;id',
      Subject: 'lunch',
    })
    expect(read).toEqual({
      messageId: 'Msg-1',
      from: alice,
      to: bob,
      sentAt: now - 1000,
      expiresAt: now + 60_000,
      conversationId: '0b6f8a52-6d1e-4c53-9a34-2f0d8f2a9a11',
      contributionId: 'c-1',
      inReplyTo: 'c-0',
      service: 'sms',
      subject: 'lunch',
      priority: 'urgent',
      privacy: true,
      dispositions: ['positive-delivery', 'negative-delivery'],
      content: { type: 'text/plain', text: 'hi' },
    })
    const { 'Conversation-ID': conversation, 'Contribution-ID': contribution, ...rest } = cpmHeaders(read, now)
    expect([conversation, contribution]).toEqual(['0b6f8a52-6d1e-4c53-9a34-2f0d8f2a9a11', 'c-1'])
    expect(rest).toEqual({
      'InReplyTo-Contribution-ID': 'c-0',
      'Non-CPM-Service': 'sms',
      Priority: 'urgent',
      Privacy: 'id',
      Expires: '60',
    })
  })

  it('CONV-09 CONV-10 CONV-11 what was absent stays absent', () => {
    const read = decoded(cpim(''))
    expect(read).not.toHaveProperty('conversationId')
    expect(cpmHeaders(read, now)).toEqual({ Expires: '3600' })
  })

  it.each([
    ['positive-delivery', ['positive-delivery']],
    ['negative-delivery', ['negative-delivery']],
    ['positive-delivery,negative-delivery , display', ['positive-delivery', 'negative-delivery', 'display']],
    ['x-later, display,display', ['display']],
  ])('IMDN-02 IMDN-07 asks for %s', (tokens, dispositions) =>
    expect(decoded(cpim(asking(tokens))).dispositions).toEqual(dispositions),
  )

  it('IMDN-01 without Message-ID nothing can be asked; the same request again has the same id', () => {
    const body = cpim('imdn.Disposition-Notification: display\r\n')
    const read = decoded(body, { 'Call-ID': 'c@x', CSeq: '1 MESSAGE' })
    expect(read.dispositions).toEqual([])
    expect(decoded(body, { 'Call-ID': 'c@x', CSeq: '1 MESSAGE' }).messageId).toBe(read.messageId)
    expect(decoded(body, { 'Call-ID': 'c@x', CSeq: '2 MESSAGE' }).messageId).not.toBe(read.messageId)
    expect(decoded(body).messageId).not.toBe(decoded(body).messageId)
  })

  it.each([
    ['the number of the asserted user', '<tel:+15550100>', undefined],
    ['his number in sip form', '<sip:+15550100@home.example;user=phone>', undefined],
    ['his name', 'Alice <sip:alice@HOME.example>', 'Alice'],
    ['nobody', '"Anonymous" <sip:anonymous@anonymous.invalid>', undefined],
  ])('takes CPIM From that says %s', (_what, from, name) => {
    const read = decoded(cpim('').replace('<sip:+15550100@home.example>', from))
    expect([read.from, read.fromName]).toEqual([alice, name])
  })

  it.each(['<sip:mallory@home.example>', '<tel:+15550199>', '<wv:alice@home.example>'])(
    'refuses CPIM From %s of somebody else with 403',
    (from) =>
      expect(
        refused(decodeCpmBody(view('message/cpim', cpim('').replace('<sip:+15550100@home.example>', from)), context)),
      ).toEqual(['forged-sender', 403]),
  )

  it.each([
    ['<sip:anonymous@anonymous.invalid>', bob],
    ['rubbish', bob],
    ['<sip:+15550101@home.example;user=phone>', bob],
    ['<wv:bob@imps.example>', 'wv:bob@imps.example'],
    ['<mailto:bob@mail.example>', 'mailto:bob@mail.example'],
  ])('ID-06 CPIM To %s is for %s', (to, recipient) =>
    expect(decoded(cpim('').replace('<tel:+15550101>', to)).to).toBe(recipient),
  )

  it('keeps Original-To and the record-route', () => {
    const read = decoded(
      cpim(
        `${asking('display')}imdn.Original-To: <tel:+15550102>\r\nimdn.IMDN-Record-Route: <sip:a@x.example>, <sip:b@x.example>\r\n`,
      ),
    )
    expect([read.originalTo, read.recordRoute]).toEqual(['tel:+15550102', ['sip:a@x.example', 'sip:b@x.example']])
    expect(message(decodeCpmBody(view('message/cpim', encodeMessageBody(read).body), context))).toMatchObject({
      originalTo: read.originalTo,
      recordRoute: read.recordRoute,
    })
  })

  it.each([
    [
      'text in base64',
      'Content-Type: text/plain;charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nR3LDvMOfZQ==',
      { type: 'text/plain;charset=utf-8', text: 'Grüße' },
    ],
    [
      'text in another charset',
      'Content-Type: text/plain;charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe',
      { type: 'text/plain;charset=utf-8', text: 'Grüße' },
    ],
    [
      'an image',
      'Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw==',
      { type: 'image/png', base64: 'iVBORw==' },
    ],
    ['a document', 'Content-Type: application/x+xml\r\n\r\n<ü/>', { type: 'application/x+xml', base64: 'PMO8Lz4=' }],
    [
      'a multipart as it stands',
      'Content-Type: multipart/mixed;boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--',
      { type: 'multipart/mixed;boundary=b', base64: Buffer.from('--b\r\n\r\nx\r\n--b--').toString('base64') },
    ],
  ])('reads %s, and writes it with the same octets', (_what, content, expected) => {
    const read = decoded(cpim('', content))
    expect(read.content).toEqual(expected)
    expect(decoded(encodeMessageBody(read).body).content).toEqual(expected)
  })

  it.each([
    ['octets that are no UTF-8', cpim('', 'Content-Type: text/plain\r\n\r\n\ufffd'), 'not-utf8', 400],
    ['a broken head', 'From: x', 'malformed', 400],
    ['From that is no address', cpim('').replace('<sip:+15550100@home.example>', '<urn:x>'), 'malformed', 400],
    ['a broken Message-ID', cpim('imdn.Message-ID: a b\r\n'), 'malformed', 400],
    ['a route too long', cpim(`imdn.IMDN-Record-Route: ${'<sip:a@x.example>,'.repeat(21)}\r\n`), 'malformed', 400],
    ['a broken content type', cpim('', 'Content-Type: text\r\n\r\nhi'), 'malformed', 400],
    ['something required', cpim('Require: Cream\r\n'), 'content-unsupported', 415],
    [
      'an unknown transfer encoding',
      cpim('', 'Content-Type: text/plain\r\nContent-Transfer-Encoding: x\r\n\r\nhi'),
      'content-unsupported',
      415,
    ],
    [
      'an unknown charset',
      cpim('', 'Content-Type: text/plain;charset=x\r\nContent-Transfer-Encoding: base64\r\n\r\naA=='),
      'content-unsupported',
      415,
    ],
    ['64 KB of headers', cpim(`${`X: ${'a'.repeat(8000)}\r\n`.repeat(9)}`), 'too-large', 413],
    ['more than 1 MiB', cpim('', `Content-Type: text/plain\r\n\r\n${'a'.repeat(1_048_576)}`), 'too-large', 413],
    ['five levels of multipart', cpim('', nested(5)), 'content-unsupported', 415],
  ])('refuses %s', (_what, body, fault, status) =>
    expect(refused(decodeCpmBody(view('message/cpim', body), context))).toEqual([fault, status]),
  )

  it.each([
    'Conversation-ID',
    'Contribution-ID',
    'InReplyTo-Contribution-ID',
    'Expires',
    'Message-Expires',
    'Non-CPM-Service',
  ])('refuses a broken %s with 400', (name) =>
    expect(refused(decodeCpmBody(view('message/cpim', cpim(''), { [name]: 'a, b' }), context))).toEqual([
      'malformed',
      400,
    ]),
  )

  it.each([
    [{ Expires: '60', Date: 'Wed, 01 May 2024 10:15:21 GMT' }, 50_000],
    [{ Expires: '60', Date: 'Wed, 01 May 2034 10:15:21 GMT' }, 60_000],
    [{ Expires: '60', Date: 'Fri, 01 May 1970 10:15:21 GMT' }, 60_000],
    [{ Expires: '60', 'Message-Expires': '70' }, 70_000],
    [{ Expires: '9999999999' }, context.maxLifeMs],
    [{ Expires: '0' }, 0],
    [{}, context.defaultLifeMs],
  ])('%j leaves %i ms', (headers: Record<string, string>, left) =>
    expect(decoded(cpim(''), headers).expiresAt - now).toBe(left),
  )
})

function nested(depth: number): string {
  return depth === 0
    ? 'Content-Type: message/imdn+xml\r\n\r\nx'
    : `Content-Type: multipart/mixed;boundary=b${depth}\r\n\r\n--b${depth}\r\n${nested(depth - 1)}\r\n--b${depth}--\r\n`
}

describe('other bodies', () => {
  it('text/plain is a message that asks for nothing', () => {
    const read = message(decodeCpmBody(view('text/plain;charset=utf-8', 'hi', { 'Conversation-ID': 'c' }), context))
    expect(read).toMatchObject({ from: alice, to: bob, dispositions: [], conversationId: 'c', content: { text: 'hi' } })
  })

  const multipart = (...parts: string[]) => `${parts.map((part) => `--b\r\n${part}\r\n`).join('')}--b--`
  const inPart = `Content-Type: message/cpim\r\n\r\n${cpim('')}`

  it('finds the one message/cpim in a multipart', () =>
    expect(
      message(decodeCpmBody(view('multipart/mixed;boundary=b', multipart('\r\nx', inPart)), context)).content,
    ).toEqual({ type: 'text/plain', text: 'hi' }))

  it.each([
    ['no type', undefined, 'hi', 'malformed', 400],
    ['a broken type', 'text', 'hi', 'malformed', 400],
    ['isComposing outside a session', 'application/im-iscomposing+xml', '<x/>', 'content-unsupported', 415],
    ['two messages in one', 'multipart/mixed;boundary=b', multipart(inPart, inPart), 'content-unsupported', 415],
    [
      'a recipient list of another type',
      'multipart/mixed;boundary=b',
      multipart('Content-Disposition: recipient-list\r\n\r\nx', inPart),
      'content-unsupported',
      415,
    ],
    ['a multipart cut off', 'multipart/mixed;boundary=b', '--b\r\n\r\nx', 'malformed', 400],
  ])('refuses %s', (_what, type, body, fault, status) =>
    expect(refused(decodeCpmBody(view(type, body), context))).toEqual([fault, status]),
  )
})

describe('notifications', () => {
  const bobContext: DecodeContext = { ...context, from: bob, addresses: [bob], target: alice }
  const delivered: DispositionNotification = {
    messageId: 'Msg-1' as MessageId,
    sentAt: now - 1000,
    recipient: bob,
    disposition: { kind: 'delivery', status: 'delivered' },
  }
  const envelope = { from: bob, to: alice, messageId: 'Ntf-1' as MessageId, at: now }

  it('IMDN-06 a notification goes out as CPIM and comes back the same', () => {
    const { contentType, body } = encodeNotificationBody(delivered, envelope)
    expect(contentType).toBe('message/cpim')
    expect(body).toContain('\r\nContent-Type: message/imdn+xml\r\nContent-Disposition: notification\r\n')
    expect(decodeCpmBody(view(contentType, body), bobContext)).toEqual({
      kind: 'notifications',
      notifications: [delivered],
      to: alice,
    })
  })

  it('IMDN-19 a notification never asks for one, and one that asks is still only a notification', () => {
    const { body } = encodeNotificationBody({ ...delivered, route: ['sip:a@x.example'] }, envelope)
    expect(body).not.toContain('Disposition-Notification')
    expect(body).toContain('imdn.IMDN-Route: <sip:a@x.example>\r\n')
    const asks = body.replace('imdn.Message-ID', 'imdn.Disposition-Notification: display\r\nimdn.Message-ID')
    expect(decodeCpmBody(view('message/cpim', asks), bobContext)).toEqual({
      kind: 'notifications',
      notifications: [delivered],
      to: alice,
    })
  })

  it('takes several notifications in one multipart', () => {
    const carol = { ...delivered, recipient: 'tel:+15550102' as Uri }
    const xml = (n: DispositionNotification) => encodeNotificationBody(n, envelope).body.split('\r\n\r\n')[2] ?? ''
    const parts = [delivered, carol].map((n) => `--b\r\nContent-Type: message/imdn+xml\r\n\r\n${xml(n)}\r\n`).join('')
    const body = `From: <tel:+15550101>\r\nTo: <sip:alice@home.example>\r\n\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n${parts}--b--`
    expect(decodeCpmBody(view('message/cpim', body), bobContext)).toMatchObject({ notifications: [delivered, carol] })
  })

  it('a forged or broken one is refused', () => {
    const { body } = encodeNotificationBody(delivered, envelope)
    expect(refused(decodeCpmBody(view('message/cpim', body), { ...bobContext, from: alice, addresses: [] }))).toEqual([
      'forged-sender',
      403,
    ])
    expect(
      refused(decodeCpmBody(view('message/cpim', body.replace('<imdn', '<!DOCTYPE x><imdn')), bobContext)),
    ).toEqual(['malformed', 400])
  })
})

describe('the way out and back', () => {
  it('ID-18 privacy hides the sender in CPIM', () => {
    const read = decoded(cpim('').replace('From: <', 'From: "Alice" <'))
    expect(encodeMessageBody({ ...read, privacy: true, fromName: 'Alice' }).body).toMatch(
      /^From: "Anonymous" <sip:anonymous@anonymous\.invalid>\r\n/,
    )
  })

  it('MSG-21 the service identifier is in headers only', () => {
    const sms = { ...decoded(cpim('')), service: 'sms' as ServiceId }
    expect(encodeMessageBody(sms).body).not.toContain('sms')
    expect(cpmHeaders(sms, now)['Non-CPM-Service']).toBe('sms')
  })

  it('other addresses can stand in the head', () => {
    const { body } = encodeMessageBody(decoded(cpim('')), { from: 'sip:x@x.example', to: 'sip:y@x.example' })
    expect(body).toMatch(/^From: <sip:x@x\.example>\r\nTo: <sip:y@x\.example>\r\n/)
  })

  it('every message comes back the same', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((t) => !/\p{Cs}|\ufffd/u.test(t))
    const token = fc.stringMatching(/^[\w.-]{1,20}$/)
    const content = fc.oneof(
      text.map((t) => ({ type: 'text/plain', text: t })),
      fc.uint8Array({ maxLength: 120 }).map((b) => ({ type: 'image/x', base64: Buffer.from(b).toString('base64') })),
    )
    const arbitrary: fc.Arbitrary<CpmMessage> = fc.record(
      {
        messageId: token as fc.Arbitrary<MessageId>,
        from: fc.constant(alice),
        fromName: text.filter((t) => t !== ''),
        to: fc.constantFrom(bob, 'wv:bob@imps.example' as Uri),
        originalTo: fc.constant('tel:+15550102' as Uri),
        sentAt: fc.integer({ min: 0, max: 4e12 }),
        expiresAt: fc.integer({ min: 0, max: 86_400 }).map((s) => now + s * 1000),
        conversationId: token as fc.Arbitrary<ConversationId>,
        contributionId: token as fc.Arbitrary<ContributionId>,
        inReplyTo: token as fc.Arbitrary<ContributionId>,
        service: fc.constant('sms' as ServiceId),
        subject: text,
        priority: fc.constantFrom('emergency' as const, 'urgent' as const, 'normal' as const, 'non-urgent' as const),
        privacy: fc.constant(false),
        dispositions: fc.subarray(['positive-delivery', 'display', 'interworking'] as const),
        content,
      },
      { requiredKeys: ['messageId', 'from', 'to', 'sentAt', 'expiresAt', 'privacy', 'dispositions', 'content'] },
    )
    fc.assert(
      fc.property(arbitrary, ({ conversationId, ...rest }) => {
        const named = conversationId !== undefined && rest.contributionId !== undefined
        const sent: CpmMessage = { ...rest, ...(named && { conversationId }) }
        const { contentType, body } = encodeMessageBody(sent)
        expect(decodeCpmBody(view(contentType, body, cpmHeaders(sent, now)), context)).toEqual({
          kind: 'message',
          message: sent,
        })
      }),
      { numRuns: 1000 },
    )
  })

  it('decoding never throws', () => {
    const types = fc.constantFrom(
      'message/cpim',
      'text/plain',
      'multipart/mixed;boundary=b',
      'message/imdn+xml',
      'x',
      '',
    )
    const piece = fc.constantFrom(
      cpim(''),
      cpim(asking('display')),
      '--b\r\n',
      '\r\n\r\n',
      'Content-Type: message/cpim',
      '<imdn>',
    )
    const body = fc
      .array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 12 })
      .map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(
        types,
        body,
        fc.dictionary(fc.constantFrom('Expires', 'Date', 'Privacy', 'Subject'), fc.string()),
        (t, b, h) => {
          decodeCpmBody(view(t, b, h), context)
        },
      ),
      { numRuns: 2000 },
    )
  })
})
