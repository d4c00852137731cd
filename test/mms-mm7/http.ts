/** An HTTP message of a vector file: start line, headers by lower-case name, the body with its chunks joined. */
export interface HttpMessage {
  readonly start: string
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

export function splitHttp(octets: Buffer): HttpMessage {
  const end = octets.indexOf('\r\n\r\n')
  const [start = '', ...lines] = octets.toString('latin1', 0, end).split('\r\n')
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  const body = octets.subarray(end + 4)
  return { start, headers, body: headers.get('transfer-encoding') === 'chunked' ? dechunk(body) : body }
}

function dechunk(octets: Buffer): Buffer {
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const end = octets.indexOf('\r\n', at)
    const length = Number.parseInt(octets.toString('latin1', at, end), 16)
    if (!(length > 0)) return Buffer.concat(chunks)
    chunks.push(octets.subarray(end + 2, end + 2 + length))
    at = end + 4 + length
  }
}
