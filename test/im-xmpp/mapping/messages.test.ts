import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { carry } from '../../../adapters/im-xmpp/mapping/content.js'
import { deliveryId, readDeliveryId } from '../../../adapters/im-xmpp/mapping/delivery-id.js'
import { errorFor, errorReply, readError } from '../../../adapters/im-xmpp/mapping/errors.js'
import { readMessage } from '../../../adapters/im-xmpp/mapping/from-message.js'
import { readDevice, stateOf, tupleId, writeDevices } from '../../../adapters/im-xmpp/mapping/presence.js'
import { stanzaId, writeMessage } from '../../../adapters/im-xmpp/mapping/to-message.js'
import { createStreamReader } from '../../../adapters/im-xmpp/stream/reader.js'
import { FAILURE_REASONS } from '../../../gateway/cpm/failure.js'
import type { MessageId } from '../../../gateway/cpm/ids.js'
import type { XmlElement } from '../../../gateway/cpm/xml.js'

const OPEN = "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'>"
const LIMITS = { stanzaChars: 100_000, depth: 20, elements: 1_000, attributes: 20 }
const RULES = { maxBody: 1_000, leftOut: 'note' } as const

function stanza(text: string): XmlElement {
  const event = createStreamReader(LIMITS)(Buffer.from(OPEN + text)).at(-1)
  if (event?.kind !== 'stanza') throw new Error(JSON.stringify(event))
  return event.element
}

describe('messages (RFC 7572)', () => {
  test('what is written is read', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1 }),
        fc.boolean(),
        fc.boolean(),
        (text, receipt, markable) => {
          const body = text.replace(/[\0-\x1f\ufffe\uffff]|\p{Cs}/gu, '') || 'x'
          const written = writeMessage({
            id: 'i',
            from: 'a@b',
            to: 'c@d',
            type: 'chat',
            body,
            subject: 's',
            thread: 't',
            receipt,
            markable,
          })
          expect(readMessage(stanza(written))).toEqual({
            type: 'chat',
            id: 'i',
            text: body,
            subject: 's',
            thread: 't',
            wantsReceipt: receipt,
            markable,
          })
        },
      ),
    )
  })

  test('the id of a stanza is the same in every attempt and tells nothing', () => {
    const id = stanzaId('sip:alice@cpm.example|secret' as MessageId)
    expect(id).toBe(stanzaId('sip:alice@cpm.example|secret' as MessageId))
    expect(id).toMatch(/^[\w-]{24}$/)
  })

  test('receipts, markers, answers, delays, chat states and links are read', () => {
    const inside = (text: string) => readMessage(stanza(`<message type='chat' id='1'>${text}</message>`))
    expect(inside("<received xmlns='urn:xmpp:receipts' id='r'/>").received).toBe('r')
    expect(inside("<received xmlns='urn:xmpp:chat-markers:0' id='r'/>").received).toBe('r')
    expect(inside("<displayed xmlns='urn:xmpp:chat-markers:0' id='d'/>").displayed).toBe('d')
    expect(inside("<body>x</body><reply xmlns='urn:xmpp:reply:0' id='q' to='a@b'/>").answers).toBe('q')
    expect(inside("<delay xmlns='urn:xmpp:delay' stamp='2026-01-02T03:04:05Z'/>").sentAt).toBe(
      Date.UTC(2026, 0, 2, 3, 4, 5),
    )
    expect(inside("<composing xmlns='http://jabber.org/protocol/chatstates'/>").chatState).toBe('composing')
    const link = '<url>https://x.example/a.jpg</url>'
    expect(inside(`<body>look</body><x xmlns='jabber:x:oob'>${link}</x>`).text).toBe('look\nhttps://x.example/a.jpg')
    expect(inside(`<body>https://x.example/a.jpg</body><x xmlns='jabber:x:oob'>${link}</x>`).text).toBe(
      'https://x.example/a.jpg',
    )
    expect(inside("<body xml:lang='de'>Hallo</body><body>Hello</body>").text).toBe('Hello')
    expect(inside("<body xmlns='urn:other'>x</body>").text).toBeUndefined()
  })

  test('content: text and links as they are, a place as text, the rest named or refused', () => {
    expect(carry({ type: 'text/plain', text: 'hi' }, RULES)).toMatchObject({ texts: ['hi'] })
    const descriptor =
      '<file><file-info type="thumbnail"><data url="https://x.example/t"/></file-info><file-info type="file"><data url="https://x.example/f?a=1&amp;b=2"/></file-info></file>'
    expect(carry({ type: 'application/vnd.gsma.rcs-ft-http+xml', text: descriptor }, RULES)).toMatchObject({
      links: ['https://x.example/f?a=1&b=2'],
    })
    const place = '<rcsenvelope><pos>47.5 -122.25</pos></rcsenvelope>'
    expect(carry({ type: 'application/vnd.gsma.rcspushlocation+xml', text: place }, RULES)).toMatchObject({
      texts: ['geo:47.5,-122.25'],
    })
    const picture = { type: 'image/png', base64: 'AAAA' }
    expect(carry(picture, RULES)).toMatchObject({ kind: 'refused', reason: 'content-unsupported' })
    expect(carry(picture, { ...RULES, place: { maxFile: 10 } })).toMatchObject({ files: [{ type: 'image/png' }] })
    const mixed = {
      type: 'multipart/mixed;boundary=b',
      text: '--b\r\nContent-Type: text/plain\r\n\r\nlook\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n',
    }
    expect(carry(mixed, RULES)).toMatchObject({ texts: ['look', '[image/png]'] })
    expect(carry(mixed, { ...RULES, leftOut: 'refuse' })).toMatchObject({ kind: 'refused' })
    expect(carry({ type: 'text/plain', text: 'x'.repeat(1_001) }, RULES)).toMatchObject({ reason: 'too-large' })
  })

  test('the id of a delivery holds what a report needs, and nothing breaks it', () => {
    const delivery = {
      from: 'bob@xmpp.example/a|b %é',
      to: 'alice@cpm.example',
      stanzaId: 'x|y',
      receipt: true,
      markable: false,
    }
    const { id, reportable } = deliveryId(delivery, 'text')
    expect(reportable).toBe(true)
    expect(readDeliveryId(id)).toEqual(delivery)
    expect(deliveryId(delivery, 'other').id).not.toBe(id)
    expect(deliveryId({ ...delivery, stanzaId: 'z'.repeat(3_000) }, 'text').reportable).toBe(false)
    fc.assert(fc.property(fc.string(), (text) => void readDeliveryId(`x|${encodeURIComponent(text)}`)))
  })

  test.each(FAILURE_REASONS)('%s is an error of XMPP with a condition and a type', (reason) => {
    const returned = stanza(
      errorReply(stanza("<message from='a@b/c' to='d@e' id='1'><body>x</body></message>"), errorFor(reason), 'w'),
    )
    expect(returned.attributes.map(({ value }) => value)).toEqual(['error', 'd@e', 'a@b/c', '1'])
    expect(FAILURE_REASONS).toContain(readError(returned).reason)
    expect(readError(returned).type).toBe(errorFor(reason).type)
  })

  test('an error without a condition, or with one of nobody, is one all the same', () => {
    expect(readError(stanza("<message type='error'/>"))).toMatchObject({ reason: 'malformed', type: 'cancel' })
    const strange =
      "<message type='error'><error type='x'><constructor xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    expect(readError(stanza(strange))).toMatchObject({ reason: 'malformed', type: 'cancel' })
  })
})

describe('presence (RFC 8048)', () => {
  test('PRES-05 a device of any name has a tuple, and no two have the same', () => {
    const legal = /^[\p{L}_][\p{L}\p{N}._-]{0,127}$/u
    const long = 'Телефон на кухне у окна, который никто не выключает'
    const names = ['', 'phone', long, `${long}.`, 'x'.repeat(150), `${'x'.repeat(150)}y`]
    const ids = names.map(tupleId)
    for (const id of ids) expect(id).toMatch(legal)
    expect(new Set(ids).size).toBe(names.length)
    expect(tupleId('phone')).toBe('ID-phone')
  })

  test('PRES-05 a device, its tuple and the person', () => {
    const presence = stanza(
      "<presence><show>xa</show><status xml:lang='de'>im Urlaub</status><priority>-1</priority><idle xmlns='urn:xmpp:idle:1' since='2026-01-01T00:00:00Z'/></presence>",
    )
    const device = readDevice(presence, 'büro 1', 5)
    expect(device.tuple).toEqual({
      id: tupleId('büro 1'),
      open: false,
      priority: 0,
      note: { text: 'im Urlaub', language: 'de' },
      at: 5,
    })
    expect(device.tuple.id).toMatch(/^[A-Za-z][\w.-]*$/)
    expect(stateOf([device]).person).toEqual({
      activities: ['permanent-absence'],
      moods: [],
      idle: { since: Date.UTC(2026, 0, 1) },
    })
    expect(stateOf([])).toEqual({ tuples: [{ id: 'ID-none', open: false }] })
  })

  test('PRES-05 activities become what XMPP shows, the strongest first', () => {
    const shown = (...activities: string[]) =>
      writeDevices({ tuples: [{ id: 'ID-a', open: true }], person: { activities, moods: [] } })[0]?.content
    expect(shown('vacation')).toBe('<show>xa</show>')
    expect(shown('away', 'meeting')).toBe('<show>dnd</show>')
    expect(shown('worship')).toBe('')
    expect(writeDevices({ tuples: [{ id: 'ID-a', open: false }] })).toEqual([
      { resource: 'a', available: false, content: '' },
    ])
  })

  test('never throws, whatever a stanza holds', () => {
    const text = fc.string({ unit: 'grapheme' }).map((each) => each.replace(/[<>&\0-\x1f\ufffe\uffff]|\p{Cs}/gu, ''))
    fc.assert(
      fc.property(text, text, text, (show, priority, resource) => {
        const read = readDevice(
          stanza(`<presence><show>${show}</show><priority>${priority}</priority></presence>`),
          resource,
          0,
        )
        expect(read.tuple.priority).toBeGreaterThanOrEqual(0)
        expect(read.tuple.priority).toBeLessThanOrEqual(1)
        writeDevices(stateOf([read]))
      }),
    )
  })
})
