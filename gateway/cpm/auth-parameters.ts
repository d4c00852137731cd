/** Longest header looked at; a digest header has some 400 characters. */
const MAX_HEADER = 8192

const SCHEME = /\s*,?\s*Digest\s+(?=[a-z0-9-]+\s*=)/iy
const FIELD = /\s*,?\s*([a-z0-9-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/iy

/**
 * Splits the value of an authentication header into the fields of each Digest scheme in it (RFC 7616 §3.3 to §3.5). Several
 * headers may have been joined with commas. Field names are lower case, values without quotes. Stops at the first
 * thing it cannot read; never throws.
 */
export function parseParameters(header: string): readonly ReadonlyMap<string, string>[] {
  const schemes: Map<string, string>[] = []
  if (header.length > MAX_HEADER) return schemes
  let at = 0
  for (;;) {
    SCHEME.lastIndex = at
    if (SCHEME.exec(header)) {
      at = SCHEME.lastIndex
      schemes.push(new Map())
    }
    FIELD.lastIndex = at
    const field = FIELD.exec(header)
    const scheme = schemes.at(-1)
    if (!field || !scheme) return schemes
    at = FIELD.lastIndex
    scheme.set((field[1] ?? '').toLowerCase(), field[2]?.replace(/\\(.)/g, '$1') ?? field[3] ?? '')
  }
}

/** A value as quoted-string (RFC 3261 §25.1). */
export function formatParameter(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`
}
