/** Names of people in rooms (RFC 8266, as far as it keeps one from looking like another). */

const LENGTH = 100
/** Marks that are not seen, or turn round what is seen. What joins and paints emoji is none of them. */
const HIDDEN = /\p{Cc}|(?![\u200d\ufe0e\ufe0f])\p{Default_Ignorable_Code_Point}/u

/** Whether a nickname shows all that it is made of. */
export const isPlainNickname = (nick: string): boolean => !HIDDEN.test(nick) && nickname(nick) !== ''

/** A name for others to see: nothing hidden in it, no blanks around it. */
export const nickname = (name: string): string =>
  [...name.normalize('NFC').slice(0, LENGTH)]
    .filter((character) => !/\p{Cs}/u.test(character))
    .join('')
    .replace(new RegExp(HIDDEN, 'gu'), '')
    .replace(/\p{Z}+/gu, ' ')
    .trim()

/** Nicknames with the same key are the same to people. */
export const nicknameKey = (nick: string): string =>
  nickname(nick.normalize('NFKC').toLowerCase())
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .normalize('NFKC')
