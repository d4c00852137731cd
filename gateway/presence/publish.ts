import type { Uri } from '../cpm/ids.js'
import { PIDF_TYPE, parsePidf } from '../cpm/pidf.js'
import { PIDF_DIFF_TYPE } from '../cpm/pidf-diff.js'
import { parseEvent, seconds } from '../events/event-headers.js'
import type { EventAnswer, EventRequest } from '../sip/port.js'
import { applyPidfDiff } from '../xdm/pidf-patch.js'
import type { HomeUsers } from './port.js'
import type { Presentities } from './presentities.js'
import type { PublishRequest, Said } from './publication.js'

export interface PublishOptions {
  readonly users: HomeUsers
  readonly presentities: Presentities
  /** Bounds of a publication's life, seconds. */
  readonly expires: { readonly min: number; readonly standard: number; readonly max: number }
  /** Counts a document that could not be read. */
  readonly onFaulty: () => void
}

const RETRY_S = 60
/** Characters of a document: some of them make one notification. */
const MAX_BODY = 16_384

/** Answers PUBLISH (RFC 3903 §6): a user's own device says how he is, in whole or partial documents (RFC 5264). Rejects with SpoolUnavailable. */
export function createPublish(options: PublishOptions): (request: EventRequest) => Promise<EventAnswer> {
  const { users, presentities, expires, onFaulty } = options

  return async (request): Promise<EventAnswer> => {
    if (parseEvent(request.header('event'))?.package !== 'presence') {
      return { status: 489, headers: { 'Allow-Events': 'presence' } }
    }
    const user = request.target && users.find(request.target)
    if (!user) return { status: 404 }
    if (!isHimself(request, user.uri)) return { status: 403, warning: 'only the user himself may publish his presence' }
    const asked = request.header('expires') === undefined ? expires.standard : seconds(request.header('expires'))
    if (asked === undefined) return { status: 400, warning: 'Expires cannot be read' }
    if (asked > 0 && asked < expires.min) return { status: 423, headers: { 'Min-Expires': String(expires.min) } }
    const content = contentOf(request)
    if ('status' in content) return content
    const etag = request.header('sip-if-match')?.trim()
    const granted = Math.min(asked, expires.max)
    const outcome = await presentities.publish(user.uri, {
      seconds: granted,
      ...(etag !== undefined && { etag }),
      ...content,
    })
    switch (outcome.kind) {
      case 'taken':
        return { status: 200, headers: { 'SIP-ETag': outcome.etag, Expires: String(granted) } }
      case 'unknown':
        return { status: 412 }
      case 'empty':
        return { status: 400, warning: 'expected a presence document' }
      case 'unfit':
        onFaulty()
        return { status: 400, warning: outcome.said.slice(0, 200) }
      case 'too-many':
        return { status: 503, retryAfterSeconds: RETRY_S, warning: 'too many publications of this user' }
    }
  }

  function isHimself({ originator }: EventRequest, user: Uri): boolean {
    return originator?.addresses.some((address) => users.find(address)?.uri === user) ?? false
  }

  /** Nothing without a body. */
  function contentOf({ body, header }: EventRequest): EventAnswer | Pick<PublishRequest, 'said'> {
    if (body === '') return {}
    const type = (header('content-type') ?? '').replace(/;.*$/s, '').trim().toLowerCase()
    if (type !== PIDF_TYPE && type !== PIDF_DIFF_TYPE) {
      return { status: 415, headers: { Accept: `${PIDF_TYPE}, ${PIDF_DIFF_TYPE}` } }
    }
    if (body.length > MAX_BODY) return { status: 413, warning: `expected at most ${MAX_BODY} characters` }
    if (type === PIDF_DIFF_TYPE) return { said: (before) => partlySaid(body, before?.document) }
    const read = parsePidf(body)
    if (!('kind' in read)) return { said: () => ({ state: read.state }) }
    onFaulty()
    return read.fault === 'too-large' ? { status: 413, warning: read.said } : { status: 400, warning: read.said }
  }

  function partlySaid(body: string, before: string | undefined): Said | { readonly fault: string } {
    const applied = applyPidfDiff(body, before)
    if ('fault' in applied) return applied
    const read = parsePidf(applied.document)
    return 'kind' in read ? { fault: read.said } : { state: read.state, document: applied.document }
  }
}
