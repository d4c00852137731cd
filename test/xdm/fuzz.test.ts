import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toStored } from '../../gateway/xdm/documents.js'
import { parseXcapPath } from '../../gateway/xdm/path.js'
import { PREFERENCES, readPreferences, writePreferences } from '../../gateway/xdm/preferences-usage.js'
import { parseSelector } from '../../gateway/xdm/selector.js'
import { applyXcap } from '../../gateway/xdm/xcap.js'
import { parseDocument } from '../../gateway/xdm/xml-document.js'

const piece = fc.oneof(
  fc.constantFrom(
    'preferences',
    'services',
    'service',
    '*',
    '[1]',
    '[0]',
    '[@name="sms"]',
    '/',
    '@name',
    'p:',
    'namespace::*',
    '"',
    "'",
  ),
  fc.string({ maxLength: 6 }),
)
const selectorText = fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join(''))
const stored = toStored(
  writePreferences({ unavailable: 'store', services: [{ service: 'sms' }, { service: 'mms', address: 'tel:+1' }] }),
)
const namespaces = new Map([['p', 'urn:other']])

test('any selector, body and method gets an answer, and a document that stays valid', () => {
  fc.assert(
    fc.property(
      selectorText,
      fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom('<service name="x"/>', '<copies>true</copies>', 'x')),
      fc.constantFrom('GET' as const, 'PUT' as const, 'DELETE' as const),
      fc.constantFrom('application/xcap-el+xml', 'application/xcap-att+xml'),
      (node, body, method, contentType) => {
        const { next, result } = applyXcap(PREFERENCES, stored, { method, node, namespaces, body, contentType })
        expect([200, 201, 304, 400, 404, 405, 409, 412, 415]).toContain(result.status)
        const document = parseDocument(next?.xml ?? stored.xml)
        expect('error' in document ? document : PREFERENCES.validate(document)).toBeUndefined()
        if (result.status >= 400) expect(next).toBe(stored)
      },
    ),
    { numRuns: 1_000 },
  )
})

test('paths and selectors of any text are read or refused', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), selectorText, (path, selector) => {
      parseXcapPath(path, { domain: 'cpm.example' })
      parseXcapPath(`a/users/sip:a@b/index/~~/${encodeURIComponent(selector)}`, { domain: 'cpm.example' })
      parseSelector(selector, namespaces)
    }),
    { numRuns: 2_000 },
  )
})

test('preferences survive being written and read', () => {
  const address = fc.constantFrom('tel:+12065550100', 'sip:a&b@c.example', 'xmpp:"q"@d.example')
  const preferences = fc.record(
    {
      unavailable: fc.constantFrom('discard' as const, 'defer' as const, 'store' as const, 'interwork' as const),
      waiting: fc.constantFrom('push' as const, 'notify' as const),
      copies: fc.boolean(),
      history: fc.boolean(),
      sessions: fc.constantFrom('accept', 'reject', 'ask'),
      blocked: fc.array(address, { maxLength: 4 }),
      devices: fc.array(fc.constant('urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6'), { maxLength: 2 }),
      services: fc.array(
        fc.oneof(fc.constant({ service: 'sms' }), fc.record({ service: fc.constant('mms'), address })),
        {
          maxLength: 3,
        },
      ),
      reports: fc.record({ delivered: fc.boolean(), displayed: fc.boolean() }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(preferences, (given) => {
      const document = parseDocument(writePreferences(given))
      expect('error' in document ? document : readPreferences(document)).toEqual(given)
    }),
    { numRuns: 300 },
  )
})
