/**
 * A message/cpim as text: octets that are no text (MSRP carries any) are put into base64, with the header that says so.
 * Undefined when they are none, and the head cannot be found to say it in.
 */
export function cpimText(octets: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets)
  } catch {
    return withBase64(octets)
  }
}

const HEADS_AT_MOST = 131_072

function withBase64(octets: Buffer): string | undefined {
  const start = octets.toString('latin1', 0, HEADS_AT_MOST)
  const emptyLine = /\r?\n\r?\n/g
  emptyLine.exec(start)
  // Behind the message headers stand those of the content.
  const second = emptyLine.lastIndex > 0 ? emptyLine.exec(start) : null
  if (second === null) return undefined
  const head = octets.toString('utf8', 0, second.index)
  if (head.includes('\ufffd') || /^content-transfer-encoding:/im.test(head)) return undefined
  const kept = head.replace(/\r?\nContent-Length:[^\r\n]*/gi, '')
  const body = octets.subarray(emptyLine.lastIndex).toString('base64')
  return `${kept}\r\nContent-Transfer-Encoding: base64\r\n\r\n${body.replace(/.{76}(?=.)/g, '$&\r\n')}`
}
