import { createHmac, randomBytes } from 'node:crypto'
import { param, tagOf } from '../message/address.js'
import { header, type SipRequest } from '../message/message.js'
import { splitList } from '../message/split.js'
import type { Via } from '../message/via.js'

/** Only this server can make, and so only it takes for its own, what is signed with it. */
const SECRET = randomBytes(16)
const PREFIX = 'z9hG4bK.'
const DIGEST_LENGTH = 20

/**
 * What a request that comes back unchanged has in common with itself as it came first (RFC 3261 §16.6 item 8). The
 * Via headers play no part: they grow on the way (RFC 5393 §4.2). CANCEL and ACK give the same as their INVITE.
 */
export function loopDigest(request: SipRequest): string {
  const parts = [
    tagOf(header(request, 'to') ?? ''),
    tagOf(header(request, 'from') ?? ''),
    header(request, 'call-id') ?? '',
    Number.parseInt(header(request, 'cseq') ?? '', 10),
    request.uri,
    ...request.headers.filter(({ key }) => key === 'route').map(({ value }) => value),
  ]
  return digest(parts.join('\n'))
}

/** The branch of a Via we add: the part that makes it unique, and the part by which a loop is seen. */
export function proxyBranch(unique: string, loop: string): string {
  return `${PREFIX}${unique}.${loop}`
}

/** Whether the request has been forwarded by us before in exactly this form (RFC 3261 §16.3 item 4). */
export function isLooped(request: SipRequest): boolean {
  const branches = ownBranches(request)
  if (branches.length === 0) return false
  const loop = loopDigest(request)
  return branches.some((branch) => branch.endsWith(`.${loop}`))
}

/** Whether the request may have passed through here before, changed since or not: a loop or a spiral. */
export function hasPassedHere(request: SipRequest): boolean {
  return ownBranches(request).length > 0
}

/**
 * Unique part of the branch where no transaction is kept: the same for each retransmission, and for the CANCEL or ACK
 * of an INVITE (RFC 3261 §16.11). It signs the way back, so that nobody can have answers sent to where he likes.
 */
export function returnSignature(via: Via): string {
  const { received = '', rport = '' } = stampOf(via)
  return digest([via.branch, via.host, via.port ?? '', received, rport].join('\n'))
}

/** What a Via says of where its request really came from. */
export function stampOf(via: Via): { readonly received: string | undefined; readonly rport: string | undefined } {
  const params = paramsOf(via.text)
  return { received: param(params, 'received'), rport: param(params, 'rport') }
}

/** Whether a branch of ours may stand in the value of a Via; a quick look. */
export function mayBeOurs(via: string): boolean {
  return via.includes(PREFIX)
}

/** Whether our branch was made by `returnSignature` for the Via below it. */
export function isSignedFor(branch: string, below: Via): boolean {
  return branch.startsWith(`${PREFIX}${returnSignature(below)}.`)
}

function ownBranches(request: SipRequest): string[] {
  const branches: string[] = []
  for (const { key, value } of request.headers) {
    if (key !== 'via' || !mayBeOurs(value)) continue
    for (const via of splitList(value)) {
      const branch = param(paramsOf(via), 'branch')
      if (branch?.startsWith(PREFIX)) branches.push(branch)
    }
  }
  return branches
}

function paramsOf(via: string): string {
  const at = via.indexOf(';')
  return at < 0 ? '' : via.slice(at)
}

function digest(text: string): string {
  return createHmac('sha1', SECRET).update(text, 'latin1').digest('hex').slice(0, DIGEST_LENGTH)
}
