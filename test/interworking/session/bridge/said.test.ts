import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { MessageId, Uri } from '../../../../gateway/cpm/ids.js'
import {
  readSaid,
  writeComposing,
  writeMessage,
  writeReport,
} from '../../../../gateway/interworking/session/bridge/said.js'

const ALICE = { address: 'sip:alice@cpm.example' as Uri, name: 'Alice' }
const HANDSET = 'tel:+12065550177' as Uri
const sender = { from: ALICE, now: 1_700_000_000_000, domain: 'cpm.example' }
const id = 'Msg-1' as MessageId

describe('what is said over MSRP', () => {
  test('parse∘build is the identity, for any text and any octets', () => {
    const content = fc.oneof(
      fc
        .string({ unit: 'binary' })
        .filter((text) => !text.includes('\ufffd'))
        .map((text) => ({ type: 'text/plain;charset=utf-8', text })),
      fc.uint8Array().map((octets) => ({ type: 'image/png', base64: Buffer.from(octets).toString('base64') })),
    )
    const flags = fc.record({ delivered: fc.boolean(), failed: fc.boolean(), displayed: fc.boolean() })
    fc.assert(
      fc.property(content, flags, (content, reports) => {
        const message = { messageId: id, from: ALICE, content, sentAt: 1_699_999_999_000, reports }
        const { contentType, body } = writeMessage(message, HANDSET, true)
        expect(readSaid(contentType, body, sender)).toEqual({ kind: 'message', message })
      }),
    )
  })

  test('octets that are no CPIM, IMDN or typing never make it throw', () => {
    const types = fc.constantFrom(
      'message/cpim',
      'message/imdn+xml',
      'application/im-iscomposing+xml',
      'text/plain',
      'x',
      '',
    )
    fc.assert(
      fc.property(
        types,
        fc.uint8Array({ maxLength: 300 }),
        (type, octets) => void readSaid(type, Buffer.from(octets), sender),
      ),
    )
    const heads = fc.string({ unit: 'binary', maxLength: 200 })
    fc.assert(
      fc.property(heads, heads, (one, other) => {
        const body = `From: <sip:a@b>\r\nTo: <sip:c@d>\r\n${one}\r\n\r\nContent-Type: text/plain\r\n${other}`
        readSaid('message/cpim', Buffer.from(body), sender)
      }),
    )
  })

  test('a picture in CPIM as bare octets is read as it is', () => {
    const octets = Buffer.from([0x89, 0x50, 0xff, 0xfe, 0, 13, 10, 13, 10, 0x80])
    const head = 'From: <sip:a@b>\r\nTo: <sip:c@d>\r\n\r\nContent-Type: image/png\r\n\r\n'
    expect(readSaid('message/cpim', Buffer.concat([Buffer.from(head), octets]), sender)).toMatchObject({
      kind: 'message',
      message: { content: { type: 'image/png', base64: octets.toString('base64') } },
    })
  })

  test('without CPIM there is text, and nothing to report on', () => {
    expect(readSaid('text/plain', Buffer.from('grüß dich'), sender)).toMatchObject({
      kind: 'message',
      message: { content: { text: 'grüß dich' }, reports: { delivered: false, failed: false, displayed: false } },
    })
    const bare = writeMessage(
      {
        messageId: id,
        from: ALICE,
        content: { type: 'text/plain', text: 'hi' },
        sentAt: 0,
        reports: { delivered: true, failed: true, displayed: true },
      },
      HANDSET,
      false,
    )
    expect([bare.contentType, bare.body.toString()]).toEqual(['text/plain', 'hi'])
  })

  test('who says he is somebody else in CPIM is who he is in the session', () => {
    const forged = 'From: <sip:mallory@b>\r\nTo: <sip:c@d>\r\n\r\nContent-Type: text/plain\r\n\r\nhi'
    expect(readSaid('message/cpim', Buffer.from(forged), sender)).toMatchObject({ message: { from: ALICE } })
  })

  test.each([true, false])('typing is read as it was written (in CPIM: %s)', (cpim) => {
    const { contentType, body } = writeComposing(ALICE, HANDSET, 'active', cpim)
    expect(readSaid(contentType, body, sender)).toEqual({ kind: 'composing', state: 'active' })
  })

  test.each(['delivered', 'displayed', 'failed'] as const)('a report %s is read as it was written', (state) => {
    const { contentType, body } = writeReport(id, state, { from: HANDSET, to: ALICE.address, sentAt: 1_000, at: 2_000 })
    expect(readSaid(contentType, body, sender)).toMatchObject({
      kind: 'report',
      notification: { messageId: id, sentAt: 1_000, recipient: HANDSET, disposition: { status: state } },
    })
  })
})
