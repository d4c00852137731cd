import type { DispositionNotification } from './message.js'

export interface ImdnFault {
  readonly kind: 'fault'
  readonly fault: 'malformed' | 'too-large' | 'unsafe-xml'
  readonly said: string
}
/** Reads one message/imdn+xml document (RFC 5438 §7.2, §11). */
export function parseImdn(_xml: string): DispositionNotification | ImdnFault {
  throw new Error('signature only')
}
export function buildImdn(_notification: DispositionNotification): string {
  throw new Error('signature only')
}
