import { detached } from '../../cpm/detached.js'
import { tagOf } from '../message/address.js'
import { header, type SipRequest } from '../message/message.js'
import type { Via } from '../message/via.js'

const MAGIC_COOKIE = 'z9hG4bK'

/** How a server transaction is recognised. */
export interface TransactionIdentity {
  /**
   * Call-ID, CSeq and From tag: equal for a retransmission and for the same request come by another path. Requests
   * that are never merged also count their branch: those within a dialog (RFC 3261 §8.2.2.2), and those that have been
   * forwarded from here and come back. By itself in memory: tables hold keys longer than what they lead to.
   */
  readonly key: string
  /** Branch and sent-by (RFC 3261 §17.2.3): equal for retransmissions only. */
  readonly branch: string
}

/** The identity of a request whose mandatory headers have been checked; `spiral`: it has been here before. */
export function identify(request: SipRequest, via: Via, spiral: boolean): TransactionIdentity {
  const toTag = tagOf(header(request, 'to') ?? '')
  const branch = branchIdentity(request, via, toTag)
  const key = `${header(request, 'call-id')}\n${header(request, 'cseq')}\n${tagOf(header(request, 'from') ?? '')}`
  return { key: detached(toTag === '' && !spiral ? key : `${key}\n${branch}`), branch }
}

/** What an INVITE, its CANCEL and the ACK of its refusal have in common (RFC 3261 §9.2, §17.2.3). */
export function inviteBranch(request: SipRequest, via: Via): string {
  if (via.branch.length > MAGIC_COOKIE.length && via.branch.startsWith(MAGIC_COOKIE))
    return branchIdentity(request, via, '')
  const sequence = Number.parseInt(header(request, 'cseq') ?? '', 10)
  const from = tagOf(header(request, 'from') ?? '')
  return `${request.uri}\n${header(request, 'call-id')}\n${sequence}\n${from}\n${via.text}`
}

/** Peers of RFC 2543, and those that send the bare cookie, have no unique branch: Request-URI and the Via itself stand in for it. */
function branchIdentity(request: SipRequest, via: Via, toTag: string): string {
  if (via.branch.length > MAGIC_COOKIE.length && via.branch.startsWith(MAGIC_COOKIE))
    return `${via.branch}\n${via.host}:${via.port ?? ''}`
  return `${request.uri}\n${toTag}\n${via.text}`
}
