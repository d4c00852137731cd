/** Text of an encoded word or of an extended parameter (RFC 2047, RFC 2231); other text, and what cannot be read, as it is. */
export function decodeWords(text: string): string {
  const extended = /^([\w-]*)'[\w-]*'(.*)$/.exec(text)
  if (extended && /%[0-9a-f]{2}/i.test(text))
    return decodeOctets(percentOctets(extended[2] ?? ''), extended[1] ?? '') ?? text
  return text.replace(/=\?([\w.-]+)\?([bq])\?([^?]*)\?=(?:\s+(?==\?))?/gi, (whole, charset, kind, encoded) => {
    const octets =
      kind.toLowerCase() === 'b' ? Buffer.from(encoded, 'base64') : percentOctets(encoded.replace(/_/g, ' '), '=')
    return decodeOctets(octets, charset) ?? whole
  })
}

function percentOctets(text: string, mark: '%' | '=' = '%'): Buffer {
  const escaped = mark === '%' ? /%([0-9a-f]{2})/gi : /=([0-9a-f]{2})/gi
  return Buffer.from(
    text.replace(escaped, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
}

/** Octets as text; undefined when the charset is unknown. */
export function decodeOctets(octets: Uint8Array, charset: string): string | undefined {
  try {
    return new TextDecoder(charset === '' ? 'utf-8' : charset).decode(octets)
  } catch {
    return undefined
  }
}
