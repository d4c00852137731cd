import { buildCpim, parseCpim } from '../../cpm/cpim.js'
import type { Features } from '../../cpm/features.js'
import { newMessageId } from '../../cpm/identity.js'
import type { Uri } from '../../cpm/ids.js'
import { buildImdn } from '../../cpm/imdn.js'
import { imdnHeader, readImdnRequest } from '../../cpm/imdn-headers.js'

/** A first message that comes with an invitation, as message/cpim beside the offer. */

const TYPES = ['message/cpim', 'multipart/mixed']
/** A larger one is said in the session: a drachtio-server sends no INVITE above 4 kB. */
const MAX_BESIDE = 2_000

/** Whether a device says that it takes this one there: by the feature tag `type` of its Contact (RFC 3840 §9). */
export function takesFirstMessage({ type }: Features, firstMessage: string): boolean {
  if (Buffer.byteLength(firstMessage) > MAX_BESIDE) return false
  return typeof type === 'string' && type.split(',').some((one) => TYPES.includes(one.trim().toLowerCase()))
}

/** The notification that a first message has reached nobody, as message/cpim; undefined when its sender wants none (RFC 5438 §7.2.1.1). */
export function failureOf(firstMessage: string, now: number): string | undefined {
  const cpim = parseCpim(firstMessage)
  const request = cpim.kind === 'fault' ? undefined : readImdnRequest(cpim)
  const [to] = cpim.kind === 'fault' ? [] : cpim.to
  if (cpim.kind === 'fault' || !to || request?.messageId === undefined) return undefined
  if (!request.dispositions.includes('negative-delivery')) return undefined
  const { messageId } = request
  const recipient = to.uri as Uri
  const said = { kind: 'delivery', status: 'failed' } as const
  return buildCpim({
    from: to,
    to: [cpim.from],
    cc: [],
    dateTime: now,
    headers: [imdnHeader('Message-ID', newMessageId())],
    content: {
      headers: new Map([
        ['content-type', 'message/imdn+xml'],
        ['content-disposition', 'notification'],
      ]),
      body: buildImdn({ messageId, sentAt: cpim.dateTime ?? now, recipient, disposition: said }),
    },
  })
}
