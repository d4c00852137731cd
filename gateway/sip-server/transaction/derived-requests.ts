import { field, type HeaderField, header, type SipRequest, type SipResponse } from '../message/message.js'

const ACK_COPIES = new Set(['from', 'call-id', 'route', 'max-forwards'])
const CANCEL_COPIES = new Set(['from', 'to', 'call-id', 'route', 'max-forwards'])

/** The ACK of a refusal: hop by hop, in the INVITE's transaction (RFC 3261 §17.1.1.3). */
export function ackOf(invite: SipRequest, refusal: SipResponse): SipRequest {
  const to = field('To', header(refusal, 'to') ?? header(invite, 'to') ?? '')
  return derived(invite, 'ACK', ACK_COPIES, [to])
}

/** The CANCEL of an INVITE, with headers of the application such as Reason (RFC 3261 §9.1). */
export function cancelOf(invite: SipRequest, extra: readonly HeaderField[] = []): SipRequest {
  return derived(invite, 'CANCEL', CANCEL_COPIES, extra)
}

function derived(
  invite: SipRequest,
  method: string,
  copies: ReadonlySet<string>,
  extra: readonly HeaderField[],
): SipRequest {
  const via = header(invite, 'via')
  const sequence = Number.parseInt(header(invite, 'cseq') ?? '', 10)
  const headers = [
    ...(via === undefined ? [] : [field('Via', via)]),
    ...invite.headers.filter(({ key }) => copies.has(key)),
    field('CSeq', `${sequence} ${method}`),
    ...extra,
    field('Content-Length', '0'),
  ]
  return { kind: 'request', method, uri: invite.uri, version: 'SIP/2.0', headers }
}
