import type { EndFlag, Request, Response } from './message.js'
import { phraseOf } from './message.js'
import { formatPath } from './uri.js'

/** First line, paths and headers, each with its line end. A control character in a value becomes a space. */
function head(first: string, { toPath, fromPath, headers }: Omit<Request, 'method'>): string {
  let text = `MSRP ${first}\r\nTo-Path: ${formatPath(toPath)}\r\nFrom-Path: ${formatPath(fromPath)}\r\n`
  for (const [name, value] of headers) text += `${name}: ${value.replace(/[\0-\x1f\x7f]+/g, ' ')}\r\n`
  return text
}

/** The octets before a body. Content-Type has to be the last of the headers (RFC 4975 §9). */
export function writeHead(request: Request): Buffer {
  return Buffer.from(`${head(`${request.transaction} ${request.method}`, request)}\r\n`)
}

/** The octets after a body. */
export function writeEnd(transaction: string, flag: EndFlag): Buffer {
  return Buffer.from(`\r\n${endLine(transaction)}${flag}\r\n`, 'latin1')
}

/** A request without a body. */
export function writeRequest(request: Request, flag: EndFlag = '$'): Buffer {
  const { transaction, method } = request
  return Buffer.from(`${head(`${transaction} ${method}`, request)}${endLine(transaction)}${flag}\r\n`)
}

export function writeResponse(response: Response): Buffer {
  const { transaction, status, phrase } = response
  const first = `${transaction} ${String(status).padStart(3, '0')}${phrase === '' ? '' : ` ${phrase.replace(/[\0-\x1f\x7f]+/g, ' ')}`}`
  return Buffer.from(`${head(first, response)}${endLine(transaction)}$\r\n`)
}

/** The answer of this hop to a request (RFC 4975 §7.2): back to whoever is leftmost in From-Path. */
export function responseTo(request: Pick<Request, 'transaction' | 'toPath' | 'fromPath'>, status: number): Response {
  const { transaction, toPath, fromPath } = request
  return { transaction, status, phrase: phraseOf(status), toPath: [fromPath[0]], fromPath: [toPath[0]], headers: [] }
}

/** What the end line begins with; no body may hold it. */
export const endLine = (transaction: string): string => `-------${transaction}`
