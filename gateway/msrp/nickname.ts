const MAX_OCTETS = 1023

/** The value of Use-Nickname (RFC 7701 §7.1): a quoted string; empty text takes the nickname back. */
export const formatNickname = (name: string): string =>
  `"${name.replace(/[\0-\x1f\x7f]+/g, ' ').replace(/["\\]/g, '\\$&')}"`

/** Reads the value of Use-Nickname; undefined when it is broken or longer than 1023 octets. */
export function parseNickname(value: string): string | undefined {
  const [, quoted] = /^"((?:[^"\\]|\\.)*)"$/.exec(value.trim()) ?? []
  const name = quoted?.replace(/\\(.)/g, '$1')
  return name === undefined || Buffer.byteLength(name) > MAX_OCTETS ? undefined : name
}
