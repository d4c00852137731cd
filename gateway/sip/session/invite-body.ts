import { stableId } from '../../cpm/identity.js'
import type { MimePart } from '../../cpm/mime.js'
import { buildMultipart } from '../../cpm/multipart.js'
import type { OutgoingCall } from '../session-port.js'
import { SDP } from './call-headers.js'

export const CPIM = 'message/cpim'

/** The body of an INVITE: the offer, alone or with a first message and other parts beside it. */
export function inviteBody({
  offer,
  firstMessage,
  attached = [],
}: Pick<OutgoingCall, 'offer' | 'firstMessage' | 'attached'>): {
  readonly contentType: string
  readonly body: string
} {
  const first = firstMessage === undefined ? [] : [part(CPIM, firstMessage)]
  const parts = [part(SDP, offer), ...first, ...attached]
  if (parts.length === 1) return { contentType: SDP, body: offer }
  // A delimiter that nobody who writes a part can foresee.
  const boundary = `b-${stableId(parts.map(({ body }) => body).join(''))}`
  return { contentType: `multipart/mixed;boundary=${boundary}`, body: buildMultipart(parts, boundary) }
}

const part = (type: string, body: string): MimePart => ({ headers: new Map([['content-type', type]]), body })
