import { type Cpim, type CpimHeader, IMDN_NAMESPACE } from './cpim.js'
import type { Draft } from './draft.js'
import { toMessageId } from './identity.js'
import type { MessageId } from './ids.js'
import type { DispositionRequest } from './message.js'

/** What the IMDN headers of a CPIM say (RFC 5438 §6). */
export interface ImdnRequest {
  readonly messageId?: MessageId
  /** Empty when there is no Message-ID: nothing could be reported. Tokens not known are left out. */
  readonly dispositions: readonly DispositionRequest[]
  readonly originalTo?: string
  /** Topmost first. */
  readonly recordRoute: readonly string[]
}

const DISPOSITIONS: readonly DispositionRequest[] = [
  'positive-delivery',
  'negative-delivery',
  'display',
  'processing',
  'interworking',
]
const MAX_ROUTES = 20

/** Reads the IMDN headers; undefined when the Message-ID is no token of at most 255 characters, or the route too long. */
export function readImdnRequest(cpim: Cpim): ImdnRequest | undefined {
  let idText: string | undefined
  let originalTo: string | undefined
  let recordRoute = NO_ROUTE
  let dispositions = NO_DISPOSITIONS
  for (const { namespace, name, value } of cpim.headers) {
    if (namespace !== IMDN_NAMESPACE) continue
    if (name === 'Message-ID') idText ??= value
    else if (name === 'Disposition-Notification') dispositions = withDispositions(dispositions, value)
    else if (name === 'IMDN-Record-Route') recordRoute = recordRoute.concat(urisOf(value))
    else if (name === 'Original-To') originalTo ??= urisOf(value)[0]
  }
  const messageId = idText === undefined ? undefined : toMessageId(idText)
  if ((idText !== undefined && messageId === undefined) || recordRoute.length > MAX_ROUTES) return undefined
  if (messageId === undefined) dispositions = NO_DISPOSITIONS
  const request: Draft<ImdnRequest> = { dispositions, recordRoute }
  if (messageId !== undefined) request.messageId = messageId
  if (originalTo !== undefined) request.originalTo = originalTo
  return request
}

const NO_ROUTE: readonly string[] = []
const NO_DISPOSITIONS: readonly DispositionRequest[] = []

/** Those asked for so far, and those that this header value adds; each token once. */
function withDispositions(before: readonly DispositionRequest[], value: string): readonly DispositionRequest[] {
  const asked = [...before]
  for (const part of value.split(',')) {
    const token = part.trim()
    const known = DISPOSITIONS.find((disposition) => disposition === token)
    if (known !== undefined && !asked.includes(known)) asked.push(known)
  }
  return asked
}

/** Writes the IMDN headers of a message. */
export function writeImdnRequest(request: ImdnRequest): CpimHeader[] {
  const headers: CpimHeader[] = []
  if (request.messageId !== undefined) headers.push(imdnHeader('Message-ID', request.messageId))
  if (request.dispositions.length > 0) {
    headers.push(imdnHeader('Disposition-Notification', request.dispositions.join(', ')))
  }
  if (request.originalTo !== undefined) headers.push(imdnHeader('Original-To', `<${request.originalTo}>`))
  if (request.recordRoute.length > 0) headers.push(imdnHeader('IMDN-Record-Route', routeText(request.recordRoute)))
  return headers
}

/** A header in the IMDN namespace. */
export const imdnHeader = (name: string, value: string): CpimHeader => ({ namespace: IMDN_NAMESPACE, name, value })

/** `<uri>, <uri>`, as IMDN-Record-Route and IMDN-Route have it. */
export const routeText = (uris: readonly string[]): string => uris.map((uri) => `<${uri}>`).join(', ')

function urisOf(value: string): string[] {
  const bracketed = [...value.matchAll(/<([^<>\s]+)>/g)].map(([, uri = '']) => uri)
  return bracketed.length > 0 || value === '' ? bracketed : [value]
}
