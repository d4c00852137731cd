import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { configSchema } from '../../../gateway/config/schema.js'
import { BUILT_IN_TEXTS } from '../../../gateway/config/session-texts.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import {
  fill,
  invitationValues,
  languageOf,
  languagesFor,
  nameOf,
  textsOf,
} from '../../../gateway/interworking/session/guest/texts.js'
import { textOf, understand } from '../../../gateway/interworking/session/guest/understand.js'

const { sessions } = configSchema.parse({}).interworking
const within = (language: string) => languagesFor(sessions, language)
const HANDSET = 'tel:+12065550177' as Uri

describe('answers of those who are asked', () => {
  test.each([
    ['YES', 'en', 'yes'],
    [' "Yes." ', 'en', 'yes'],
    ['👍🏿', 'en', 'yes'],
    ['Ja!', 'en', 'yes'],
    ['sí', 'en', 'yes'],
    ['d’accord', 'fr', 'yes'],
    ['Nein,  danke', 'de', 'no'],
    ['yes\n> On Monday Alice wrote:\n> no?', 'en', 'yes'],
    ['STOP', 'it', 'leave'],
    ['?', 'en', 'help'],
    ['n', 'en', 'no'],
    ['o', 'fr', 'yes'],
  ] as const)('SLS-03 %j (%s) is %s', (text, language, meaning) => {
    expect(understand(text, within(language))).toBe(meaning)
  })

  test.each([['no problem, I am in'], ['o'], ['yes or no?'], [''], ['…'], ['x'.repeat(100_000)]])(
    'SLS-03 %.20s is nothing we understand',
    (text) => {
      expect(understand(text, within('en'))).toBeUndefined()
    },
  )

  test('every text reads: it never fails, and every word of a language is understood as what it is', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => void understand(text, within('de'))))
    for (const [language, { leave, yes, no, help }] of Object.entries(BUILT_IN_TEXTS)) {
      for (const word of leave) expect(understand(word, within(language))).toBe('leave')
      for (const word of yes) expect(understand(` ${word.toLowerCase()}!`, within(language))).toBe('yes')
      for (const word of no) expect(understand(word, within(language))).toBe('no')
      for (const word of help) expect(understand(word, within(language))).toBe('help')
    }
  })

  test('the words of a picture message or a mail are in its first plain part', () => {
    const body =
      '--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b\r\nContent-Type: text/plain\r\n\r\nyes\r\n--b--\r\n'
    const type = 'multipart/mixed;boundary=b'
    expect(textOf({ type, text: body })).toBe('yes')
    expect(textOf({ type, base64: Buffer.from(body).toString('base64') })).toBe('yes')
    expect(textOf({ type: 'image/png', base64: 'AAAA' })).toBe('')
    expect(textOf({ type: 'multipart/mixed', text: 'broken' })).toBe('')
  })
})

describe('texts', () => {
  test('each language says everything, with words that it understands itself', () => {
    for (const texts of Object.values(BUILT_IN_TEXTS)) {
      const values = {
        inviter: 'Alice',
        group: 'Friends',
        about: '',
        with: '',
        name: 'Bob',
        members: 'Bob',
        subject: 'Tea',
      }
      for (const name of ['invitation', 'groupInvitation', 'welcome', 'joined', 'notUnderstood', 'again'] as const)
        expect(fill(texts, name, values)).not.toMatch(/[{}]/)
      expect(fill(texts, 'invitation', values)).toContain(texts.yes[0])
    }
  })

  test('a placeholder nobody knows stays, and values are not templates', () => {
    const texts = { ...textsOf(sessions, 'en'), left: '{who} {yes}' }
    expect(fill(texts, 'left')).toBe('{who} YES')
    expect(fill(textsOf(sessions, 'en'), 'withdrawn', { inviter: '{yes}' })).toContain('{yes}')
  })

  test('the language goes by the longest beginning of the number, or the general one', () => {
    const languages = { '+1': 'es', '+1206': 'fr' }
    expect(languageOf({ language: 'de', languages }, HANDSET)).toBe('fr')
    expect(languageOf({ language: 'de', languages }, 'tel:+13105550100' as Uri)).toBe('es')
    expect(languageOf({ language: 'de', languages }, 'mailto:+1206@example.org' as Uri)).toBe('de')
  })

  test('a new language falls back on English, key by key', () => {
    const configured = configSchema.parse({
      interworking: { sessions: { texts: { sv: { yes: ['JA'], left: 'Hej då.' } } } },
    })
    const texts = textsOf(configured.interworking.sessions, 'sv')
    expect([texts.yes, texts.left, texts.ended]).toEqual([['JA'], 'Hej då.', 'The conversation is over.'])
  })

  test('long lists of members are counted, the invited one and the inviter are not named', () => {
    const participants = Array.from({ length: 9 }, (_, index) => ({ address: `sip:m${index}@x.example` as Uri }))
    const from = participants[0]?.address ?? HANDSET
    const group = { address: 'sip:g@x.example' as Uri, participants: [...participants, { address: HANDSET }] }
    const values = invitationValues(textsOf(sessions, 'en'), { from, group }, HANDSET)
    expect(values).toMatchObject({ inviter: 'm0', with: ' with m1, m2, m3, m4, m5, m6, +2', about: '' })
    expect(nameOf({ address: HANDSET, name: ' \n ' })).toBe('+12065550177')
  })
})
