const COMMA = 0x2c
const SEMICOLON = 0x3b

/** Splits a header value at commas outside quoted strings and angle brackets; parts are trimmed, empty ones dropped. */
export function splitList(value: string): string[] {
  return value.includes(',') ? splitOutside(value, COMMA) : value === '' ? [] : [value]
}

/** Two separators with nothing between them, or one at the end; quoted strings have still to be looked at. */
const EMPTY_PART = /[;,][ \t]*(?:[;,]|$)/

/** Whether an element of a list, or a parameter, is empty (RFC 3261 §25.1 allows neither). */
export function hasEmptyPart(value: string): boolean {
  if (!EMPTY_PART.test(value)) return false
  return partsOutside(value, COMMA).some((part) => part === '' || partsOutside(part, SEMICOLON).includes(''))
}

function splitOutside(value: string, separator: number): string[] {
  return partsOutside(value, separator).filter((part) => part !== '')
}

function partsOutside(value: string, separator: number): string[] {
  const parts: string[] = []
  for (let start = 0; start <= value.length; ) {
    const end = partEnd(value, separator, start)
    parts.push(value.slice(start, end).trim())
    start = end + 1
  }
  return parts
}

/** Where the parameter that begins at `start` ends: at the next semicolon outside quoted strings and angle brackets, or with the value. */
export function paramEnd(value: string, start: number): number {
  return partEnd(value, SEMICOLON, start)
}

function partEnd(value: string, separator: number, start: number): number {
  let quoted = false
  let depth = 0
  for (let at = start; at < value.length; at++) {
    const code = value.charCodeAt(at)
    if (quoted) {
      if (code === 0x5c) at++
      else if (code === 0x22) quoted = false
    } else if (code === 0x22) quoted = true
    else if (code === 0x3c) depth++
    else if (code === 0x3e) depth = 0
    else if (code === separator && depth === 0) return at
  }
  return value.length
}

const NEW_CHALLENGE = /^[A-Za-z0-9\-.!%*_+`'~]+[ \t]+[^=,\s]+[ \t]*=/

/** Separates joined challenges (`Digest a="1", b="2", Digest c="3"`): a scheme and a blank begin a new one. */
export function splitChallenges(value: string): string[] {
  const challenges: string[] = []
  for (const part of splitList(value)) {
    const last = challenges.length - 1
    if (last < 0 || NEW_CHALLENGE.test(part)) challenges.push(part)
    else challenges[last] += `, ${part}`
  }
  return challenges
}
