import type { ControlClient } from '../control/control-client.js'
import { parseAddress, tagOf } from '../message/address.js'
import { header, type SipRequest, type SipResponse } from '../message/message.js'
import type { Flow } from '../transport/flow.js'
import { type Dialog, dialogId } from './dialog.js'
import { behindNat } from './nat.js'
import { contactUri, recordRoutes } from './routing.js'

/** The sequence number of a request or response; its CSeq has been checked. */
export function sequenceOf(message: SipRequest | SipResponse): number {
  return Number.parseInt(header(message, 'cseq') ?? '', 10)
}

export interface CalledDialog {
  readonly request: SipRequest
  readonly localTag: string
  readonly flow: Flow
  readonly contact: string
  readonly owner: ControlClient
}

/** The dialog of a request we answer (RFC 3261 §12.1.1). */
export function dialogOfRequest({ request, localTag, flow, contact, owner }: CalledDialog): Dialog {
  const callId = header(request, 'call-id') ?? ''
  const from = header(request, 'from') ?? ''
  const routeSet = recordRoutes(request.headers)
  const remoteTarget = contactUri(request.headers) ?? parseAddress(from)?.uri ?? ''
  const { transport, remote: source } = flow
  const sequence = sequenceOf(request)
  return {
    ...blank(),
    id: dialogId(callId, tagOf(from)),
    callId,
    localTag,
    remoteTag: tagOf(from),
    role: 'uas',
    usage: usageOf(request.method),
    local: tagged(header(request, 'to') ?? '', localTag),
    remote: from,
    contact,
    routeSet,
    remoteTarget,
    localSequence: sequence,
    remoteSequence: sequence,
    flow: transport === 'udp' ? undefined : flow,
    behind: behindNat('uas', { transport, source, contact: remoteTarget, routeSet }),
    owner,
  }
}

export interface CallingDialog {
  /** As it went out. */
  readonly request: SipRequest
  readonly response: SipResponse
  readonly flow: Flow
  readonly contact: string
  readonly owner: ControlClient
}

/** The dialog of a response to our request (RFC 3261 §12.1.2). */
export function dialogOfResponse({ request, response, flow, contact, owner }: CallingDialog): Dialog {
  const callId = header(request, 'call-id') ?? ''
  const from = header(request, 'from') ?? ''
  const to = header(response, 'to') ?? ''
  const dialog: Dialog = {
    ...blank(),
    id: dialogId(callId, tagOf(from)),
    callId,
    localTag: tagOf(from),
    remoteTag: tagOf(to),
    role: 'uac',
    usage: usageOf(request.method),
    local: from,
    remote: to,
    contact,
    routeSet: [],
    remoteTarget: request.uri,
    localSequence: sequenceOf(request),
    remoteSequence: -1,
    flow: undefined,
    behind: undefined,
    owner,
  }
  learnRoute(dialog, request, response, flow)
  return dialog
}

/** The 2xx has the last word on the route set (RFC 3261 §13.2.2.4), whatever provisional responses said. */
export function learnRoute(dialog: Dialog, request: SipRequest, response: SipResponse, flow: Flow): void {
  const { transport, remote: source } = flow
  const routes = recordRoutes(response.headers).reverse()
  // What we have recorded ourselves is for the peer alone.
  const isOwn = sameUri(routes[0], recordRoutes(request.headers)[0])
  dialog.routeSet = isOwn ? routes.slice(1) : routes
  dialog.remoteTarget = contactUri(response.headers) ?? dialog.remoteTarget
  dialog.flow = transport === 'udp' ? undefined : flow
  const { routeSet, remoteTarget: contact } = dialog
  dialog.behind = behindNat('uac', { transport, source, contact, routeSet })
}

/** A target refresh (RFC 3261 §12.2.1.2, §12.2.2): the route set stays, the Contact does not. */
export function refreshTarget(dialog: Dialog, message: SipRequest | SipResponse, flow: Flow): void {
  const contact = contactUri(message.headers)
  if (contact === undefined) return
  const { transport, remote: source } = flow
  const { routeSet, role } = dialog
  dialog.remoteTarget = contact
  dialog.flow = transport === 'udp' ? undefined : flow
  dialog.behind = behindNat(role, { transport, source, contact, routeSet })
}

const REFRESHES_TARGET = new Set(['INVITE', 'UPDATE', 'SUBSCRIBE', 'NOTIFY'])

/** RFC 3261 §6, RFC 3311 §5.1, RFC 6665 §4.4.1. */
export function refreshesTarget(method: string): boolean {
  return REFRESHES_TARGET.has(method)
}

function blank() {
  return { state: 'early', awaitedAck: undefined, reinvite: 'none', timers: new Map() } as const
}

function sameUri(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && parseAddress(one)?.uri === parseAddress(other)?.uri
}

function usageOf(method: string): Dialog['usage'] {
  return method === 'INVITE' ? 'invite' : 'subscribe'
}

function tagged(to: string, tag: string): string {
  return tagOf(to) === '' ? `${to};tag=${tag}` : to
}
