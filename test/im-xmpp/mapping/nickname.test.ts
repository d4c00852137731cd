import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPlainNickname, nickname, nicknameKey } from '../../../adapters/im-xmpp/mapping/nickname.js'

describe('nicknames (RFC 8266)', () => {
  test.each(['Alice', 'alice ', 'ａｌｉｃｅ', 'al\u200dice', 'alice\u200b', '\u202ealice', 'ALICE'])(
    '%j is alice to people',
    (nick) => expect(nicknameKey(nick)).toBe('alice'),
  )

  test('a mark that joins to its letter when nothing hidden is between them is the same letter', () => {
    expect(nicknameKey('rene\u200d\u0301')).toBe(nicknameKey('René'))
  })

  test('no half of a character is shown, not even where it is cut', () => {
    expect(nickname(`a${'👧'.repeat(60)}`)).toBe(`a${'👧'.repeat(49)}`)
    expect(nickname('\ud83d a \udc67')).toBe('a')
  })

  test.each(['alice\u200b', '\u202eecila', 'a\u2066b', 'a\u00adb', '\u3164', '', '  ', 'a\nb'])(
    '%j hides something',
    (nick) => expect(isPlainNickname(nick)).toBe(false),
  )

  test.each(['Alice', 'Zoë', '李', '👨‍👩‍👧 family', '❤️', 'Jean-Luc (2)'])('%j is plain, and stays as it is', (nick) => {
    expect(isPlainNickname(nick)).toBe(true)
    expect(nickname(nick)).toBe(nick)
  })

  test('what is shown can be written in XML, is not long, and is its own form', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const shown = nickname(text)
        expect(shown.length).toBeLessThanOrEqual(100)
        expect(shown).not.toMatch(/\p{Cs}|\p{Cc}/u)
        expect(nickname(shown)).toBe(shown)
        expect(nicknameKey(shown)).toBe(nicknameKey(nicknameKey(shown)))
      }),
    )
  })
})
