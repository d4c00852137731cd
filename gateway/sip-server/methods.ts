/** What becomes of a request that matches no transaction, by its method. */
export type MethodTreatment =
  /** Outside dialogs, offered to a client that routed the method. */
  | 'deliver'
  /** Only within a dialog: 481 where there is none. */
  | 'withinDialog'
  /** ACK and CANCEL belong to a transaction or a dialog, and make no transaction of their own. */
  | 'ofTransaction'
  /** Not known: 501. */
  | 'unknown'

const TREATMENT: Readonly<Record<string, MethodTreatment>> = {
  INVITE: 'deliver',
  ACK: 'ofTransaction',
  CANCEL: 'ofTransaction',
  BYE: 'withinDialog',
  UPDATE: 'withinDialog',
  PRACK: 'withinDialog',
  INFO: 'deliver',
  MESSAGE: 'deliver',
  SUBSCRIBE: 'deliver',
  NOTIFY: 'deliver',
  REFER: 'deliver',
  REGISTER: 'deliver',
  OPTIONS: 'deliver',
  PUBLISH: 'deliver',
}

/** Method names are case-sensitive (RFC 3261 §7.1). */
export function treatmentOf(method: string): MethodTreatment {
  return Object.hasOwn(TREATMENT, method) ? (TREATMENT[method] ?? 'unknown') : 'unknown'
}

/** Whether a client may send it as a new request. */
export function isSendable(method: string): boolean {
  return treatmentOf(method) === 'deliver'
}

/** Whether a client may send it within a dialog. */
export function isSendableWithin(method: string): boolean {
  return treatmentOf(method) !== 'unknown' && method !== 'CANCEL' && method !== 'REGISTER'
}

/** Value of Allow in 501. */
export const ALLOW = Object.keys(TREATMENT).join(', ')
