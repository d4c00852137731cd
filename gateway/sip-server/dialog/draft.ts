import type { HostPort } from '../host-port.js'
import { addBodyHeaders, applicationHeaders } from '../message/fill.js'
import { field, type HeaderField } from '../message/message.js'
import type { Draft } from '../request-composer.js'
import type { Dialog } from './dialog.js'
import { addressing } from './routing.js'

export interface DialogRequest {
  readonly method: string
  /** Undefined for the remote target. */
  readonly uri?: string
  /** Of the application. */
  readonly headers: readonly HeaderField[]
  readonly body: string
  readonly sequence: number
}

const PLACED = new Set(['max-forwards', 'from', 'to', 'call-id', 'cseq'])
/** Where the peer learns or refreshes how to reach us (RFC 3261 §12.2.1.1, RFC 3311, RFC 3515, RFC 6665). */
const WITH_CONTACT = new Set(['INVITE', 'UPDATE', 'SUBSCRIBE', 'NOTIFY', 'REFER'])

/** A request within a dialog, and the URI of its next hop (RFC 3261 §12.2.1.1). */
export function dialogDraft(dialog: Dialog, asked: DialogRequest, local: HostPort): { draft: Draft; hop: string } {
  const { method, body, sequence } = asked
  const { requestUri, routes, hop } = addressing(asked.uri ?? dialog.remoteTarget, dialog.routeSet)
  const own = applicationHeaders(asked.headers, PLACED, local)
  const contact = WITH_CONTACT.has(method) && !own.some(({ key }) => key === 'contact')
  const headers = [
    field('Max-Forwards', asked.headers.find(({ key }) => key === 'max-forwards')?.value || '70'),
    ...routes.map((route) => field('Route', route)),
    field('From', dialog.local),
    field('To', dialog.remote),
    field('Call-ID', dialog.callId),
    field('CSeq', `${sequence} ${method}`),
    ...(contact ? [field('Contact', dialog.contact)] : []),
    ...own,
  ]
  addBodyHeaders(headers, body)
  return { draft: { method, uri: requestUri, headers, body }, hop }
}
