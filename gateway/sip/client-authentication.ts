import { answerChallenge } from '../cpm/digest-answer.js'
import type { SipHeaderLines } from './headers.js'
import type { OutgoingRequest } from './link.js'
import type { SipExchange, SipStack } from './stack.js'

/**
 * Sends a request, and once more with credentials when it is challenged (RFC 3261 §22.2, §22.3). drachtio-srf does this for MD5 only.
 * `headers` gives the headers of each attempt, because CSeq must grow.
 */
export async function requestWithCredentials(
  stack: SipStack,
  request: Omit<OutgoingRequest, 'headers'>,
  headers: () => SipHeaderLines,
  credentials: { readonly user: string; readonly password: string },
  timeoutMs: number,
): Promise<SipExchange> {
  const first = await stack.request({ ...request, headers: headers() }, timeoutMs)
  const answer = first.kind === 'answered' ? answerTo(first, request, credentials) : undefined
  return answer ? stack.request({ ...request, headers: { ...headers(), ...answer } }, timeoutMs) : first
}

/** The header that answers a 401 or 407; undefined when it cannot be answered. */
function answerTo(
  exchange: Extract<SipExchange, { kind: 'answered' }>,
  request: Pick<OutgoingRequest, 'method' | 'uri'>,
  credentials: { readonly user: string; readonly password: string },
): SipHeaderLines | undefined {
  const isProxy = exchange.status === 407
  if (!isProxy && exchange.status !== 401) return undefined
  const challenges = exchange.headers.get(isProxy ? 'proxy-authenticate' : 'www-authenticate') ?? ''
  const value = answerChallenge(challenges, credentials, request.method, request.uri)
  return value === undefined ? undefined : { [isProxy ? 'Proxy-Authorization' : 'Authorization']: value }
}
