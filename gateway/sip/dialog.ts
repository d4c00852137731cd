import { randomBytes } from 'node:crypto'
import { parametersOf, parseNameAddrs } from '../core/name-addr.js'
import { flowOf, flowUri } from './flow.js'
import type { SipHeaderLines, SipHeaders } from './headers.js'
import type { IncomingRequest, OutgoingRequest } from './link.js'
import type { DialogRequest, SipDialog } from './port.js'

/** The dialog of an incoming request and its CSeq number; undefined when From, To, Call-ID or CSeq cannot be read. */
export function dialogOf(
  request: IncomingRequest,
  byCore: boolean,
): { readonly dialog: SipDialog; readonly inDialog: boolean; readonly sequence: number } | undefined {
  const { headers } = request
  const [from] = parseNameAddrs(headers.get('from') ?? '') ?? []
  const [to] = parseNameAddrs(headers.get('to') ?? '') ?? []
  const callId = headers.get('call-id')
  const sequence = Number(/^\s*(\d{1,10})\s/.exec(headers.get('cseq') ?? '')?.[1])
  const remoteTag = tagOf(from?.parameters)
  if (!from || !to || callId === undefined || remoteTag === undefined || !Number.isInteger(sequence)) return undefined
  const localTag = tagOf(to.parameters)
  const routes = urisOf(headers.get('record-route'))
  return {
    inDialog: localTag !== undefined,
    sequence,
    dialog: {
      role: 'uas',
      callId,
      localTag: localTag ?? newTag(),
      remoteTag,
      local: to.uri,
      remote: from.uri,
      target: urisOf(headers.get('contact'))[0] ?? from.uri,
      routes,
      // A device behind NAT is reached the way it came; a peer of the core by its Contact.
      ...(!byCore && routes.length === 0 && { nextHop: flowUri(flowOf(request)) }),
      // As a SIP server begins that counts by itself: should its dialog be lost, our numbers go on where it was.
      localSequence: sequence,
      remoteSequence: sequence,
    },
  }
}

/** The dialog of our SUBSCRIBE as a 2xx settles it (RFC 3261 §12.1.2); its route set is settled by the first one only. */
export function answeredDialog(dialog: SipDialog, headers: SipHeaders): SipDialog {
  const [to] = parseNameAddrs(headers.get('to') ?? '') ?? []
  const remoteTag = dialog.remoteTag ?? tagOf(to?.parameters)
  const target = urisOf(headers.get('contact'))[0] ?? dialog.target
  const routes = dialog.remoteTag === undefined ? urisOf(headers.get('record-route')).reverse() : dialog.routes
  const { nextHop, ...rest } = dialog
  const hop = routes.length === 0 && target === dialog.target ? nextHop : undefined
  return {
    ...rest,
    target,
    routes,
    ...(remoteTag !== undefined && { remoteTag }),
    ...(hop !== undefined && { nextHop: hop }),
  }
}

/** A request in a dialog as it goes to the SIP server, which need not know the dialog (RFC 3261 §12.2.1.1). Pure. */
export function dialogRequest({ method, dialog, headers, body }: DialogRequest): OutgoingRequest {
  const { uri, routes } = addressing(dialog)
  const nextHop = routes[0] ?? dialog.nextHop
  return {
    method,
    uri,
    ...(nextHop !== undefined && { nextHop }),
    headers: {
      From: `<${dialog.local}>;tag=${dialog.localTag}`,
      To: dialog.remoteTag === undefined ? `<${dialog.remote}>` : `<${dialog.remote}>;tag=${dialog.remoteTag}`,
      'Call-ID': dialog.callId,
      CSeq: `${dialog.localSequence} ${method}`,
      ...(routes.length > 0 && { Route: routes.map((route) => `<${route}>`) }),
      ...contact(method, nextHop ?? uri),
      ...headers,
    },
    ...(body !== undefined && { body }),
  }
}

/** The id under which a drachtio-server keeps the same dialog; undefined before there is one. */
export function serverDialogId({ role, callId, localTag, remoteTag }: SipDialog): string | undefined {
  return remoteTag === undefined ? undefined : `${callId};from-tag=${role === 'uac' ? localTag : remoteTag}`
}

export const newTag = (): string => randomBytes(8).toString('hex')

/** A strict router gets the request as if it were meant for it. */
function addressing({ target, routes }: SipDialog): { readonly uri: string; readonly routes: readonly string[] } {
  const [first, ...rest] = routes
  return first === undefined || /;lr(?=[;=?]|$)/i.test(first)
    ? { uri: target, routes }
    : { uri: first, routes: [...rest, target] }
}

/** The SIP server puts our address for `localhost`; it adds a Contact to SUBSCRIBE by itself. */
function contact(method: string, hop: string): SipHeaderLines {
  if (method !== 'NOTIFY') return {}
  const transport = /;transport=\w+/i.exec(hop)?.[0] ?? ''
  return { Contact: `<sip:events@localhost${transport}>` }
}

function urisOf(header: string | undefined): string[] {
  return header === undefined ? [] : (parseNameAddrs(header) ?? []).map(({ uri }) => uri)
}

function tagOf(parameters: string | undefined): string | undefined {
  const value = parametersOf(parameters ?? '').find(([name]) => name === 'tag')?.[1]
  return typeof value === 'string' ? value : undefined
}
