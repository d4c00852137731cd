/** Characters that have a plain relative in the GSM default alphabet. */
const PLAIN: readonly (readonly [of: string, plain: string])[] = [
  ['‘’‚‛′´`', "'"],
  ['“”„‟″«»', '"'],
  ['‹', '<'],
  ['›', '>'],
  ['‐‑‒–—―−', '-'],
  ['…', '...'],
  ['•·', '*'],
  ['\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000', ' '],
  ['\u200b\u2060\ufeff\u00ad', ''],
  ['\u2028\u2029', '\n'],
]

const TABLE = new Map(PLAIN.flatMap(([of, plain]) => [...of].map((character) => [character, plain] as const)))

/** Puts typographic characters in their plain forms, so that a text may fit the default alphabet. */
export function transliterate(text: string): string {
  let plain = ''
  for (const character of text) plain += TABLE.get(character) ?? character
  return plain
}
