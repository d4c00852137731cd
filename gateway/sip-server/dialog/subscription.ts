import type { Clock } from '../../cpm/clock.js'
import { param } from '../message/address.js'
import { header, type SipRequest } from '../message/message.js'
import { TRANSACTION_MS } from '../transaction/timers.js'
import { type Dialog, setTimer } from './dialog.js'
import type { DialogTable } from './dialog-table.js'

/** Where nobody says how long: REFER, mostly (RFC 3515 leaves it to the notifier). */
const DEFAULT_SECONDS = 3600
const MAX_SECONDS = 7 * 24 * 3600

/**
 * A subscription nobody refreshes or terminates is over 64*T1 after its time (RFC 6665 §4.1.2.4, timer N), so that none
 * stays for ever. `expires` is the value of Expires or of the parameter of Subscription-State.
 */
export function watchSubscription(
  dialog: Dialog,
  expires: string | undefined,
  dialogs: DialogTable,
  clock: Clock,
): void {
  if (dialog.usage !== 'subscribe') return
  const given = expires !== undefined && /^\d{1,9}$/.test(expires) ? Number(expires) : DEFAULT_SECONDS
  const ms = Math.min(given, MAX_SECONDS) * 1000 + TRANSACTION_MS
  setTimer(
    dialog,
    'subscription',
    clock.after(ms, () => dialogs.end(dialog)),
  )
}

/** What a NOTIFY says about its subscription: whether it is over, and else how long it still lasts. */
export function notifiedState(notify: SipRequest): { readonly terminated: boolean; readonly expires?: string } {
  const value = header(notify, 'subscription-state') ?? ''
  const semicolon = value.indexOf(';')
  const state = (semicolon < 0 ? value : value.slice(0, semicolon)).trim().toLowerCase()
  const expires = semicolon < 0 ? undefined : param(value.slice(semicolon), 'expires')
  return { terminated: state === 'terminated', ...(expires === undefined ? {} : { expires }) }
}
