import { deflateSync } from 'node:zlib'

/** A picture as devices of the rig send it. */
export interface Picture {
  readonly type: string
  readonly name: string
  readonly octets: Buffer
  /** The octets in base64, in lines. */
  readonly base64: string
}

export function picture(type: string, name: string, octets: Buffer): Picture {
  return { type, name, octets, base64: octets.toString('base64').replace(/.{76}(?=.)/g, '$&\r\n') }
}

/** A PNG of grey noise of so many pixels a side, the same for the same seed: about side × side octets, and no program makes it smaller. */
export function noisePng(side: number, seed = 1): Picture {
  let state = seed
  const rows = Buffer.alloc((side + 1) * side)
  for (let at = 0; at < rows.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    if (at % (side + 1) !== 0) rows[at] = state >>> 24
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(side, 0)
  head.writeUInt32BE(side, 4)
  head.set([8, 0, 0, 0, 0], 8) // eight bits of grey
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10])
  const octets = [signature, chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]
  return picture('image/png', 'noise.png', Buffer.concat(octets))
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const framed = Buffer.alloc(body.length + 8)
  framed.writeUInt32BE(data.length, 0)
  body.copy(framed, 4)
  framed.writeUInt32BE(crc32(body), body.length + 4)
  return framed
}

function crc32(octets: Buffer): number {
  let crc = 0xffffffff
  for (const octet of octets) {
    crc ^= octet
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}

/** Media type of what `withPicture` writes. */
export const WITH_PICTURE = 'multipart/mixed; boundary=rig'

/** A text and a picture, which goes in base64. */
export function withPicture(text: string, { type, name, base64 }: Picture): string {
  return [
    '--rig',
    'Content-Type: text/plain; charset=utf-8',
    '',
    text,
    '--rig',
    `Content-Type: ${type}; name=${name}`,
    'Content-Transfer-Encoding: base64',
    '',
    base64,
    '--rig--',
    '',
  ].join('\r\n')
}

/** Content of a CPIM message with its headers: a text, and a picture where there is one. */
export const contentOf = (text: string, picture?: Picture): string =>
  picture
    ? `Content-Type: ${WITH_PICTURE}\r\n\r\n${withPicture(text, picture)}`
    : `Content-Type: text/plain; charset=utf-8\r\n\r\n${text}`

/** The text of a CPIM body: all of its content, or the text part of a multipart. */
export function textOfContent(body: string): string {
  const content = body.slice(body.indexOf('\r\n\r\n') + 4)
  const multipart = /^content-type: ?multipart\//i.test(content)
  const part = multipart ? content.slice(content.search(/content-type: ?text\/plain/i)) : content
  const text = part.slice(part.indexOf('\r\n\r\n') + 4)
  return multipart ? text.slice(0, text.indexOf('\r\n--')) : text
}

/** Small enough for a datagram, with what goes around it. */
export const SMALL_PICTURE = noisePng(8)
