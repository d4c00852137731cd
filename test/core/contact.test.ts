import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatContact, parseContacts } from '../../gateway/core/contact.js'

test('what the registrar tells back reads as it was registered', () => {
  const tag = fc.constantFrom(
    'audio',
    '+g.oma.sip-im',
    '+g.3gpp.icsi-ref="urn%3Aa,urn%3Ab"',
    'q=0.5',
    'methods="MESSAGE,INVITE"',
  )
  const sample = fc.record({
    user: fc.stringMatching(/^[a-z0-9]{1,10}$/),
    name: fc.option(
      fc.string({ minLength: 1 }).filter((name) => name.trim() !== '' && !/[\r\n]/.test(name)),
      { nil: undefined },
    ),
    tags: fc.uniqueArray(tag),
    expires: fc.nat(),
  })
  fc.assert(
    fc.property(sample, ({ user, name, tags, expires }) => {
      const parameters = tags.map((each) => `;${each}`).join('')
      const written = formatContact({ contact: `sip:${user}@x`, parameters, ...(name && { name }) }, expires)
      const read = parseContacts(written)
      expect(read).toMatchObject({
        kind: 'list',
        contacts: [{ uri: `sip:${user}@x`, parameters, expires, ...(name && { name }) }],
      })
    }),
  )
})

test('no Contact makes the reader throw', () => {
  const piece = fc.constantFrom(
    '*',
    '<sip:a@x>',
    ';',
    '"',
    'expires=',
    '0',
    ',',
    '+sip.instance=',
    '"<urn:uuid:',
    ' ',
    'q',
  )
  const noise = fc.array(piece).map((pieces) => pieces.join(''))
  fc.assert(
    fc.property(fc.oneof(noise, fc.string()), (header) => {
      parseContacts(header)
    }),
  )
})
