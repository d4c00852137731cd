import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { MmscSettings } from './options.js'

/** One request of the VASP, read whole, and the ways to answer it. */
export interface Asked {
  readonly type: string
  readonly body: Buffer
  /** SOAP with this HTTP status. */
  answer(xml: string, status?: number): void
  /** No SOAP at all. */
  bare(status: number, headers?: Readonly<Record<string, string>>): void
  /** The connection breaks in the middle of the answer. */
  half(xml: string): void
  /** The connection breaks without a word. */
  cut(): void
}

const MAX_BODY = 32 << 20

/** The HTTP side of the centre: path and credentials are looked at here, what is asked goes to `onAsked`. */
export function createFront(settings: () => MmscSettings, onAsked: (asked: Asked) => void): Server {
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const refusal = refuse(request, settings())
    if (refusal !== undefined) {
      request.resume()
      response.writeHead(refusal, refusal === 401 ? { 'www-authenticate': 'Basic realm="mmsc"' } : {}).end()
      return
    }
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > MAX_BODY) request.destroy()
      else chunks.push(chunk)
    })
    request.on('error', () => undefined) // the VASP broke off; nothing was taken
    request.on('end', () => onAsked(asked(request, response, Buffer.concat(chunks))))
  }
  const { cert, key } = settings()
  return cert !== undefined && key !== undefined ? createTlsServer({ cert, key }, serve) : createServer(serve)
}

function refuse(
  { method, url = '', headers }: IncomingMessage,
  { path, user, password }: MmscSettings,
): number | undefined {
  if (url.split('?', 1)[0] !== path) return 404
  if (method !== 'POST') return 405
  if (user === undefined) return undefined
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  return headers.authorization === expected ? undefined : 401
}

function asked(request: IncomingMessage, response: ServerResponse, body: Buffer): Asked {
  const head = { 'content-type': 'text/xml; charset="utf-8"' }
  return {
    type: request.headers['content-type'] ?? '',
    body,
    answer: (xml, status = 200) => void response.writeHead(status, head).end(xml),
    bare: (status, headers = {}) => void response.writeHead(status, { 'content-length': '0', ...headers }).end(),
    half(xml) {
      response.writeHead(200, { ...head, 'content-length': Buffer.byteLength(xml) })
      response.write(xml.slice(0, xml.length / 2), () => request.socket.destroy())
    },
    cut: () => void request.socket.destroy(),
  }
}
