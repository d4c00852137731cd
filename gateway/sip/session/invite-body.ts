import { stableId } from '../../cpm/identity.js'
import type { MimePart } from '../../cpm/mime.js'
import { buildMultipart } from '../../cpm/multipart.js'
import type { OutgoingCall } from '../session-port.js'
import { SDP } from './call-headers.js'

export const CPIM = 'message/cpim'

/** The body of an INVITE: the offer, alone or with a first message beside it. */
export function inviteBody({ offer, firstMessage }: Pick<OutgoingCall, 'offer' | 'firstMessage'>): {
  readonly contentType: string
  readonly body: string
} {
  if (firstMessage === undefined) return { contentType: SDP, body: offer }
  const parts = [part(SDP, offer), part(CPIM, firstMessage)]
  // A delimiter that nobody who writes a part can foresee.
  const boundary = `b-${stableId(parts.map(({ body }) => body).join(''))}`
  return { contentType: `multipart/mixed;boundary=${boundary}`, body: buildMultipart(parts, boundary) }
}

const part = (type: string, body: string): MimePart => ({ headers: new Map([['content-type', type]]), body })
