import type { MessageId, Uri } from './ids.js'
import type { CpmMessage, DispositionNotification } from './message.js'

export interface EncodedBody {
  readonly contentType: string
  readonly body: string
}
/** Body of the MESSAGE that carries `message`; `addresses` replace those of the message in the CPIM head. */
export function encodeMessageBody(
  _message: CpmMessage,
  _addresses?: { readonly from?: Uri; readonly to?: Uri },
): EncodedBody {
  throw new Error('signature only')
}
/** Body of the MESSAGE that carries one IMDN; `at` is its own DateTime, ms since 1970. */
export function encodeNotificationBody(
  _notification: DispositionNotification,
  _envelope: { readonly from: Uri; readonly to: Uri; readonly messageId: MessageId; readonly at: number },
): EncodedBody {
  throw new Error('signature only')
}
/** SIP headers that carry what is not in the body: identities, life, priority, subject, privacy, service. */
export function cpmHeaders(_message: CpmMessage, _now: number): Record<string, string> {
  throw new Error('signature only')
}
