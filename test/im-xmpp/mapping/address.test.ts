import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cpmUri, jidInDomain, jidOfUri, serviceUri, xmppUri } from '../../../adapters/im-xmpp/mapping/address.js'
import { bareJid, escapeLocal, fullJid, parseJid, unescapeLocal } from '../../../adapters/im-xmpp/mapping/jid.js'
import { normalUri } from '../../../gateway/cpm/address.js'
import type { Uri } from '../../../gateway/cpm/ids.js'

const HOME = 'cpm.example'
const OURS = 'cpm.xmpp.example'
const rules = { home: HOME, ours: new Set([OURS]), sipDomains: new Set(['xmpp.example']) }
const jid = (uri: string) => {
  const found = jidInDomain(uri, OURS, HOME)
  return found && bareJid(found)
}

describe('addresses (RFC 7247)', () => {
  test.each([
    ['sip:alice@cpm.example', 'alice@cpm.xmpp.example'],
    ['tel:+12065550100', '+12065550100@cpm.xmpp.example'],
    ['tel:911;phone-context=cpm.example', '911;phone-context=cpm.example@cpm.xmpp.example'],
    ['sip:carol@other.example', 'carol\\40other.example@cpm.xmpp.example'],
    ["sip:o'hara@cpm.example", 'o\\27hara@cpm.xmpp.example'],
    ['sip:a&b@cpm.example', 'a\\26b@cpm.xmpp.example'],
    ['sip:a/b@cpm.example', 'a\\2fb@cpm.xmpp.example'],
    ['sip:d%20e@cpm.example', 'd\\20e@cpm.xmpp.example'],
  ])('ID-11 %s is %s, and back', (uri, expected) => {
    expect(jid(uri)).toBe(expected)
    const local = expected.slice(0, expected.lastIndexOf('@'))
    expect(cpmUri(local, HOME)).toBe(normalUri(uri, { domain: HOME }))
  })

  test('what has no place in XMPP has no JID', () => {
    expect(jid('sips:alice@cpm.example')).toBeUndefined()
    expect(jid('wv:alice@imps.example')).toBeUndefined()
    expect(jid('sip:%20alice@cpm.example')).toBeUndefined()
  })

  test('the URI a party has in XMPP: its users by either scheme, ours as they are, nobody by way of ourselves', () => {
    expect(serviceUri('xmpp:Bob@XMPP.example' as Uri, rules)).toBe('xmpp:bob@xmpp.example')
    expect(serviceUri('sip:bob@xmpp.example' as Uri, rules)).toBe('xmpp:bob@xmpp.example')
    expect(serviceUri('sip:bob@xmpp.example;gr=phone' as Uri, rules)).toBe('xmpp:bob@xmpp.example/phone')
    expect(serviceUri('sip:alice@cpm.example' as Uri, rules)).toBe('sip:alice@cpm.example')
    expect(serviceUri('tel:+12065550100' as Uri, rules)).toBe('tel:+12065550100')
    expect(serviceUri('xmpp:alice@cpm.xmpp.example' as Uri, rules)).toBeUndefined()
    expect(serviceUri('wv:alice@imps.example' as Uri, rules)).toBeUndefined()
  })

  test('a JID in Unicode is an xmpp: URI in ASCII, and back', () => {
    const given = parseJid('Jürgen@Bücher.example/Büro 1')
    const uri = given && xmppUri(given)
    expect(uri).toBe('xmpp:j%C3%BCrgen@xn--bcher-kva.example/B%C3%BCro%201')
    const back = uri && jidOfUri(uri)
    expect(back && fullJid(back)).toBe('jürgen@xn--bcher-kva.example/Büro 1')
  })

  test('what is no JID is none', () => {
    for (const text of [
      '',
      '@a.example',
      'a@',
      'a b@c.example',
      'a@b@c',
      'a@.',
      'a@b/\0',
      `${'a'.repeat(1024)}@b.example`,
      'a<b@c.example',
    ])
      expect(parseJid(text), text).toBeUndefined()
  })

  test('XEP-0106 §4: a backslash is escaped only where it looks like an escape', () => {
    expect(escapeLocal('c\\5commas')).toBe('c\\5c5commas')
    expect(escapeLocal('c:\\net')).toBe('c\\3a\\net')
    expect(unescapeLocal('c\\3a\\net')).toBe('c:\\net')
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...' "&\'/:<>@\\2056cafe') }), (text) => {
        expect(unescapeLocal(escapeLocal(text))).toBe(text)
      }),
    )
  })

  test('XEP-0106 what is escaped survives being a JID, in whichever letters', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'@\\25fFcC'), minLength: 1 }), (text) => {
        const read = parseJid(`${escapeLocal(text)}@xmpp.example`)
        expect(unescapeLocal(read?.local ?? '')).toBe(text.toLowerCase())
      }),
      { numRuns: 1_000 },
    )
  })

  test('a JID survives its URI, and any text is either a JID or none', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.string({ maxLength: 20 }), (local, resource) => {
        const read = parseJid(`${local}@xmpp.example/${resource}`)
        if (read?.local === undefined || read.resource === undefined) return
        const uri = xmppUri(read)
        const back = uri && jidOfUri(uri)
        if (uri !== undefined) expect(back).toEqual(read)
      }),
      { numRuns: 2_000 },
    )
  })

  test('an address of CPM that looks like a number and is none survives its JID', () => {
    expect(cpmUri('+1', HOME)).toBe(`sip:+1@${HOME}`)
  })

  test('an address of CPM survives its JID', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'ab1+&=$,;?/._~!*()-%@'), minLength: 1, maxLength: 12 }),
        (user) => {
          const uri = normalUri(`sip:${encodeURIComponent(user)}@${HOME}`, { domain: HOME })
          const made = uri && jidInDomain(uri, OURS, HOME)
          if (uri?.startsWith('sip:') !== true || made?.local === undefined) return
          // Two spellings of one user part are one JID; an @ inside looks like another domain.
          if (!user.includes('@')) expect(jidInDomain(cpmUri(made.local, HOME) ?? '', OURS, HOME)).toEqual(made)
        },
      ),
    )
  })
})
