import { replaceBranch } from '../message/via.js'
import type { Courier } from '../transport/courier.js'
import type { Flow } from '../transport/flow.js'
import type { ComposedRequest, OutgoingRequest, SentRequest } from './outgoing-request.js'

const MAGIC_COOKIE = 'z9hG4bK'
/** Servers asked for one request: each that is silent costs 64*T1. */
const MAX_ATTEMPTS = 3

/**
 * Sends a request to a name behind which there may be several servers: to the next one when the transport failed, or
 * the server was silent or answered 503, each time in a transaction of its own (RFC 3263 §4.3).
 */
export function sendInTurn(
  outgoing: OutgoingRequest,
  courier: Courier,
  sendTo: (attempt: OutgoingRequest, found: Promise<Flow>) => SentRequest,
): SentRequest {
  const ways = courier.ways(outgoing.parcel)
  let attempts = 0
  let cancelled = false
  let current = send(ways.next().then(({ value }) => value))
  return {
    cancel: (headers) => {
      cancelled = true
      return current.cancel(headers)
    },
  }

  function send(found: Promise<Flow>): SentRequest {
    const branch = attempts === 0 ? outgoing.branch : numbered(outgoing.branch, attempts)
    attempts++
    let taken: Flow | undefined
    const attempt: OutgoingRequest = {
      method: outgoing.method,
      parcel: outgoing.parcel,
      forwarded: outgoing.forwarded ?? false,
      branch,
      compose: (flow) => {
        taken = flow
        return renamed(outgoing.compose(flow), outgoing.branch, branch)
      },
      response: (response, received, flow) => {
        const pass = () => outgoing.response(response, received, flow)
        if (response.status === 503) void elsewhere(taken, pass)
        else pass()
      },
      failed: (status, reason) => void elsewhere(taken, () => outgoing.failed(status, reason)),
    }
    return sendTo(attempt, found)
  }

  async function elsewhere(failed: Flow | undefined, giveUp: () => void): Promise<void> {
    if (failed) courier.avoid(failed)
    const next = failed && !cancelled && attempts < MAX_ATTEMPTS ? await ways.next().catch(() => undefined) : undefined
    if (next?.value === undefined || cancelled) giveUp()
    else current = send(Promise.resolve(next.value))
  }
}

/** Within the part made by chance: the end of a proxy's branch says something. */
function numbered(branch: string, attempt: number): string {
  const at = MAGIC_COOKIE.length + 1
  return `${branch.slice(0, at)}${attempt}${branch.slice(at)}`
}

function renamed({ request, body }: ComposedRequest, branch: string, other: string): ComposedRequest {
  if (branch === other) return { request, body }
  const [via, ...headers] = request.headers
  if (!via) return { request, body }
  return {
    request: { ...request, headers: [{ ...via, value: replaceBranch(via.value, branch, other) }, ...headers] },
    body,
  }
}
