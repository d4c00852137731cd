import { parametersOf, parseNameAddrs } from '../core/name-addr.js'
import { normalUri, type UriOptions } from '../cpm/address.js'
import { type EdgeAnswer, type Refusal, refusal } from './answer.js'
import { answeredDialog, dialogOf, dialogRequest, serverDialogId } from './dialog.js'
import { type IdentityOptions, identify } from './identity.js'
import { type InboundLimits, inadmissible, normalTarget } from './inbound.js'
import type { IncomingRequest, OutgoingRequest } from './link.js'
import { answeredOutcome } from './outcome.js'
import type {
  DialogReply,
  DialogRequest,
  EventAnswer,
  EventMethod,
  EventRequest,
  ThirdPartyRegistration,
} from './port.js'
import type { SipExchange } from './stack.js'

export const isEventMethod = (method: string): method is EventMethod =>
  method === 'SUBSCRIBE' || method === 'NOTIFY' || method === 'PUBLISH' || method === 'REFER'

/** Checks an event request as far as all packages agree on it. Rejects with SpoolUnavailable. */
export async function toEventRequest(
  request: IncomingRequest,
  method: EventMethod,
  identity: IdentityOptions,
  limits: InboundLimits,
): Promise<EventRequest | Refusal> {
  const inadmissibility = inadmissible(request, limits)
  if (inadmissibility) return inadmissibility
  const byCore = identity.isTrusted(request.sourceHost)
  const found = dialogOf(request, byCore)
  if (!found) return refusal(400, 'syntax', 'From, To, Call-ID or CSeq cannot be read')
  const { inDialog } = found
  const target = inDialog || method === 'NOTIFY' ? undefined : normalTarget(request.uri, limits)
  if (typeof target === 'object') return target
  // RFC 6665 §4.1.3: only who could have got our SUBSCRIBE can notify us.
  if (method === 'NOTIFY' && !byCore) return refusal(403, 'untrusted', 'the sender is not a trusted peer')
  const speaker =
    byCore && (inDialog || method === 'NOTIFY') && !request.headers.has('p-asserted-identity')
      ? undefined
      : await identify(request, identity)
  if (speaker?.kind === 'refused') return speaker
  return {
    ...found,
    method,
    byCore: speaker?.byCore ?? byCore,
    ...(target !== undefined && { target }),
    ...(speaker && { originator: speaker.originator }),
    header: (name) => request.headers.get(name.toLowerCase()),
    body: request.body,
    said: `${method} ${request.uri} Call-ID ${found.dialog.callId}`,
  }
}

/** The handler's answer with our tag of the dialog it begins. */
export function eventAnswer(
  { inDialog, dialog }: EventRequest,
  answer: EventAnswer,
): EdgeAnswer & Pick<EventAnswer, 'afterwards'> {
  return inDialog
    ? answer
    : { ...answer, headers: { ...answer.headers, To: `<${dialog.local}>;tag=${dialog.localTag}` } }
}

/** `REG-16`: what a third-party REGISTER of the core tells; a refusal when it tells nothing. */
export function toThirdPartyRegistration(
  { uri, headers }: IncomingRequest,
  options: UriOptions,
): ThirdPartyRegistration | Refusal {
  const normals = (header: string | undefined) =>
    (parseNameAddrs(header ?? '') ?? []).flatMap((entry) => normalUri(entry.uri, options) ?? [])
  const [user] = normals(headers.get('to'))
  if (user === undefined) return refusal(400, 'syntax', 'To names no user')
  const [contact] = parseNameAddrs(headers.get('contact') ?? '') ?? []
  const ofContact = parametersOf(contact?.parameters ?? '').find(([name]) => name === 'expires')?.[1]
  const expires = typeof ofContact === 'string' ? ofContact : headers.get('expires')?.trim()
  return {
    user,
    addresses: [...new Set([user, ...normals(headers.get('p-associated-uri'))])],
    server: uri,
    expiresSeconds: expires !== undefined && /^\d{1,9}$/.test(expires) ? Number(expires) : DEFAULT_EXPIRES_S,
  }
}

const DEFAULT_EXPIRES_S = 3600

/**
 * Sends requests in dialogs. A drachtio-server obeys only the route sets of its own dialogs (`serverDialogs`); the embedded
 * server takes Route as it is given, and need not know the dialog.
 */
export function createDialogSender(
  exchange: (request: OutgoingRequest) => Promise<SipExchange>,
  serverDialogs: boolean,
): (request: DialogRequest) => Promise<DialogReply> {
  async function send(request: DialogRequest): Promise<SipExchange> {
    const outgoing = dialogRequest(request)
    const dialogId = serverDialogs ? serverDialogId(request.dialog) : undefined
    if (dialogId === undefined) return exchange(outgoing)
    const within = await exchange({ ...outgoing, dialogId })
    // The server was restarted: without its dialog it sends no Route, which is enough for one proxy in between.
    const isLost = within.kind === 'unsent' && /unable to find dialog/i.test(within.said)
    return isLost ? exchange(outgoing) : within
  }

  return async (request) => {
    const answered = await send(request)
    if (answered.kind !== 'answered') return answered
    const { status, headers } = answered
    const settles = request.method === 'SUBSCRIBE' && status < 300
    return {
      ...answeredOutcome(answered),
      header: (name) => headers.get(name.toLowerCase()),
      dialog: settles ? answeredDialog(request.dialog, headers) : request.dialog,
    }
  }
}
