import { readFileSync } from 'node:fs'
import { readMessage } from '../../../adapters/mms-mm7/wire/index.js'
import { splitHttp } from '../http.js'

/** One file of test/vectors/mm7, as its index describes it. */
export interface Vector {
  readonly file: string
  readonly kind: 'request' | 'response'
  readonly operation: string
  readonly from: 'vasp' | 'mmsc'
  readonly valid: boolean
  readonly expect: Readonly<Record<string, unknown>>
}

const folder = new URL('../../vectors/mm7/', import.meta.url)

export const vectors: readonly Vector[] = JSON.parse(readFileSync(new URL('index.json', folder), 'utf8')).vectors

export const http = (file: string) => splitHttp(readFileSync(new URL(file, folder)))

/** The MM7 message of a vector, read as it came. */
export function read(file: string) {
  const { headers, body } = http(file)
  return readMessage(headers.get('content-type'), body)
}
