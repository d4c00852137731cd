import type { FailureReason } from './failure.js'
import type { Uri } from './ids.js'
import type { CpmMessage, DispositionNotification } from './message.js'

/** What decoding needs to see of a SIP MESSAGE. `header` compares names without case and undoes compact forms. */
export interface SipMessageView {
  readonly contentType?: string
  readonly body: string
  header(name: string): string | undefined
}
export interface DecodeContext {
  /** The asserted originator, and all his addresses. */
  readonly from: Uri
  readonly addresses: readonly Uri[]
  /** Request-URI in normal form. */
  readonly target: Uri
  /** Time of arrival, ms since 1970. */
  readonly now: number
  /** Life of a message that says nothing, and the longest one allowed. */
  readonly defaultLifeMs: number
  readonly maxLifeMs: number
  readonly domain: string
  readonly defaultCountry?: string
}
export type DecodedBody =
  | { readonly kind: 'message'; readonly message: CpmMessage }
  | {
      readonly kind: 'notifications'
      readonly notifications: readonly DispositionNotification[]
      readonly to: Uri
    }
/** `reason` leads to the SIP answer through `sipAnswerFor`. */
export interface DecodeFault {
  readonly kind: 'fault'
  readonly fault: 'malformed' | 'not-utf8' | 'forged-sender' | 'content-unsupported' | 'too-large'
  readonly reason: FailureReason
  readonly said: string
}
export function decodeCpmBody(_view: SipMessageView, _context: DecodeContext): DecodedBody | DecodeFault {
  throw new Error('signature only')
}
