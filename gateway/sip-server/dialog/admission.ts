import { tagOf } from '../message/address.js'
import type { Refusal } from '../message/check.js'
import { header, type SipRequest } from '../message/message.js'
import { sequenceOf } from './create.js'
import type { Dialog } from './dialog.js'
import type { DialogTable } from './dialog-table.js'

export type Admission =
  | { readonly kind: 'outside' }
  /** Of a dialog that the server does not know, and an application may. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'inside'; readonly dialog: Dialog }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

const OUTSIDE: Admission = { kind: 'outside' }
/** Subscriptions outlive this process: the application may know a dialog that the server does not. */
const KEPT_BY_APPLICATIONS = new Set(['SUBSCRIBE', 'NOTIFY'])

/** What RFC 3261 §12.2.2 says about a new request by its To tag and CSeq. An admitted one counts from now on. */
export function admit(request: SipRequest, dialogs: DialogTable): Admission {
  if (tagOf(header(request, 'to') ?? '') === '') return OUTSIDE
  const dialog = dialogOf(request, dialogs)
  if (!dialog && KEPT_BY_APPLICATIONS.has(request.method)) return { kind: 'unknown' }
  if (!dialog) return refused(481, 'Call/Transaction Does Not Exist')
  const sequence = sequenceOf(request)
  // An equal number is a retransmission whose transaction is forgotten; gaps are fine.
  if (sequence <= dialog.remoteSequence) return refused(500, 'CSeq Out of Order')
  dialog.remoteSequence = sequence
  return { kind: 'inside', dialog }
}

/** The dialog a request of the peer belongs to. */
export function dialogOf(request: SipRequest, dialogs: DialogTable): Dialog | undefined {
  const localTag = tagOf(header(request, 'to') ?? '')
  if (localTag === '') return undefined
  return dialogs.match(header(request, 'call-id') ?? '', localTag, tagOf(header(request, 'from') ?? ''))
}

function refused(status: number, reason: string): Admission {
  return { kind: 'refused', refusal: { status, reason } }
}
