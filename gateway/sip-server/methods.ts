/** What becomes of a request that matches no transaction, by its method. */
export type MethodTreatment =
  /** Offered to a client that routed the method. */
  | 'deliver'
  /** Belongs to a dialog, and the server keeps none: 481. */
  | 'noDialog'
  /** Known, not offered: 405. */
  | 'notAllowed'
  /** Never answered. */
  | 'drop'
  /** Not known: 501. */
  | 'unknown'

/**
 * INVITE is refused here, and for outgoing requests by `isSendable`, until its transactions and dialogs are there;
 * CANCEL, BYE and UPDATE can then match something, too.
 */
const TREATMENT: Readonly<Record<string, MethodTreatment>> = {
  MESSAGE: 'deliver',
  REGISTER: 'deliver',
  OPTIONS: 'deliver',
  SUBSCRIBE: 'deliver',
  NOTIFY: 'deliver',
  PUBLISH: 'deliver',
  INFO: 'deliver',
  REFER: 'deliver',
  INVITE: 'notAllowed',
  BYE: 'noDialog',
  UPDATE: 'noDialog',
  PRACK: 'noDialog',
  CANCEL: 'noDialog',
  ACK: 'drop',
}

/** Method names are case-sensitive (RFC 3261 §7.1). */
export function treatmentOf(method: string): MethodTreatment {
  return Object.hasOwn(TREATMENT, method) ? (TREATMENT[method] ?? 'unknown') : 'unknown'
}

/** Whether a client may send it as a new request. */
export function isSendable(method: string): boolean {
  return treatmentOf(method) === 'deliver'
}

/** Value of Allow in 405 and 501. */
export const ALLOW = Object.keys(TREATMENT).filter(isSendable).join(', ')
