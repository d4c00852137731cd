import { type NameAddr, parametersOf, parseNameAddrs } from '../core/name-addr.js'
import { normalUri, parseUri, schemeOf, type UriOptions } from '../cpm/address.js'
import { type DecodeContext, type DecodeFault, decodeCpmBody } from '../cpm/decode.js'
import { detached } from '../cpm/detached.js'
import { sipAnswerFor } from '../cpm/failure.js'
import { ICSI, icsiTail } from '../cpm/features.js'
import type { Uri } from '../cpm/ids.js'
import { ACCEPT, type Refusal, refusal } from './answer.js'
import { headerIn, type SipHeaders } from './headers.js'
import type { Identified } from './identity.js'
import type { IncomingRequest } from './link.js'
import type { BadInput } from './options.js'
import type { CpmRequest, SipFunction } from './port.js'

export interface InboundLimits extends UriOptions {
  readonly domain: string
  /** Octets of a body at most. */
  readonly maxMessage: number
  /** Life of a message at most, and of one that says nothing, ms. */
  readonly maxLife: number
}

/** What can be said of a MESSAGE before its sender is known: its target, or why it goes no further. */
export function targetOf(request: IncomingRequest, limits: InboundLimits): Uri | Refusal {
  const { headers } = request
  // RFC 3261 §12.2.2: MESSAGE makes no dialogs here, so one inside a dialog has lost its way.
  if (/;\s*tag=/i.test(headers.get('to') ?? '')) return refusal(481, 'syntax', 'no such dialog')
  return inadmissible(request, limits) ?? normalTarget(request.uri, limits)
}

/**
 * What speaks against any request, whatever its method (RFC 3261 §8.2, §16.3). `known`: extensions it may require; of MESSAGE
 * the recipient list (RFC 5365 §7.1).
 */
export function inadmissible(
  { headers, body }: IncomingRequest,
  limits: InboundLimits,
  known: readonly string[] = ['recipient-list-message'],
): Refusal | undefined {
  if (headers.get('max-forwards')?.trim() === '0') return refusal(483, 'loop', 'Max-Forwards is 0')
  const unsupported = unknownExtensions(headers.get('require'), known)
  if (unsupported) return refusal(420, 'syntax', 'extension not supported', { Unsupported: unsupported })
  if (Buffer.byteLength(body) > limits.maxMessage) {
    return refusal(413, 'too-large', `the body may have ${limits.maxMessage} octets`)
  }
  return undefined
}

const unknownExtensions = (required: string | undefined, known: readonly string[]): string | undefined =>
  required
    ?.split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '' && !known.includes(tag))
    .join(', ')

/** `ID-01`, `ID-16`, `MSG-01`: an absolute URI of a scheme we know, naming somebody and not the gateway. */
export function normalTarget(uri: string, limits: InboundLimits): Uri | Refusal {
  const scheme = schemeOf(uri)
  if (scheme === undefined) return refusal(400, 'scheme', 'the Request-URI is not an absolute URI')
  if (!/^(sips?|tel|wv|mailto|xmpp)$/.test(scheme)) {
    return refusal(416, 'scheme', 'a Request-URI of the scheme sip, tel, wv, mailto or xmpp is expected')
  }
  const target = normalUri(uri, limits)
  if (target === undefined) {
    return scheme === 'tel'
      ? refusal(484, 'syntax', 'the number needs a + or a phone-context')
      : refusal(400, 'syntax', 'the Request-URI cannot be read')
  }
  if (/^sips?:[^@]*$/.test(target)) return refusal(404, 'syntax', 'the Request-URI names no user')
  return target
}

/** Decodes a MESSAGE whose target and sender are known. */
export function toCpmRequest(
  request: IncomingRequest,
  target: Uri,
  identified: Identified,
  limits: InboundLimits,
  now: number,
): CpmRequest | Refusal {
  const routes = routeEntries(request.headers)
  const called = functionOf(request.headers, routes)
  // A client speaks to the originating function only; what lies behind it is the core's to address.
  if (!identified.byCore && called !== 'orig') return refusal(403, 'untrusted', `only the core may address ${called}`)
  const contentType = request.headers.get('content-type')
  const view = {
    contentType,
    body: request.body,
    header: (name: string) => headerIn(request.headers, name),
  }
  const context: DecodeContext = {
    from: identified.from,
    addresses: identified.originator.addresses,
    target,
    now,
    defaultLifeMs: limits.maxLife,
    maxLifeMs: limits.maxLife,
    domain: limits.domain,
    ...(limits.defaultCountry !== undefined && { defaultCountry: limits.defaultCountry }),
  }
  const content = decodeCpmBody(view, context)
  if (content.kind === 'fault') return toRefusal(content)
  const said = detached(`MESSAGE ${request.uri} Call-ID ${request.headers.get('call-id') ?? ''}`)
  const known = {
    function: called,
    originator: identified.originator,
    target,
    content,
    maxForwards: forwardsLeft(request.headers),
    routes: routesBehind(request.headers, routes),
    said,
  }
  const preferences = callerPreferences(request.headers)
  // RFC 7315 §6: what networks tell each other counts for nothing when a device says it.
  const charging = identified.byCore && chargingIdentity(request.headers)
  const network = identified.byCore && networkHeaders(request.headers)
  const waited = identified.byCore && called === 'term' && waitedHere(request.headers)
  if (!preferences && !charging && !network && !waited) return known
  return { ...known, ...preferences, ...charging, ...network, ...waited }
}

function waitedHere(headers: SipHeaders): Pick<CpmRequest, 'hasWaited'> | undefined {
  const service = headers.get('p-asserted-service')
  return service !== undefined && icsiTail(service.trim()) === ICSI.deferred ? { hasWaited: true } : undefined
}

const MAX_FORWARDS = 70

/** RFC 3261 §16.6 step 3. */
export function forwardsLeft(headers: SipHeaders): number {
  const value = headers.get('max-forwards')?.trim() ?? ''
  return /^\d{1,3}$/.test(value) ? Math.min(Number(value), 255) - 1 : MAX_FORWARDS
}

/** The topmost Route named us; those behind it lead back into the core. */
export function routesBehind(headers: SipHeaders, routes = routeEntries(headers)): readonly string[] {
  return routes.length < 2 ? NO_ROUTES : routes.slice(1).map(({ uri }) => uri)
}

const NO_ROUTES: readonly string[] = []

function routeEntries(headers: SipHeaders): readonly NameAddr[] {
  const route = headers.get('route')
  return route === undefined ? [] : (parseNameAddrs(route) ?? [])
}

export function callerPreferences(headers: SipHeaders): Pick<CpmRequest, 'callerPreferences'> | undefined {
  const accept = headers.get('accept-contact')
  const reject = headers.get('reject-contact')
  if (accept === undefined && reject === undefined) return undefined
  return { callerPreferences: { ...(accept !== undefined && { accept }), ...(reject !== undefined && { reject }) } }
}

const ICID = /(?:^|;)\s*icid-value\s*=\s*"?([^\s";,]{1,128})/i

export function chargingIdentity(headers: SipHeaders): Pick<CpmRequest, 'icid'> | undefined {
  const vector = headers.get('p-charging-vector')
  const icid = vector === undefined ? undefined : ICID.exec(vector)?.[1]
  return icid === undefined ? undefined : { icid }
}

const NETWORK_HEADERS = ['P-Visited-Network-ID', 'P-Access-Network-Info', 'P-Charging-Function-Addresses']

export function networkHeaders(headers: SipHeaders): Pick<CpmRequest, 'networkHeaders'> | undefined {
  let found: Record<string, string> | undefined
  for (const name of NETWORK_HEADERS) {
    const value = headerIn(headers, name)
    if (value === undefined) continue
    found ??= {}
    found[name] = value
  }
  return found && { networkHeaders: found }
}

/** The function named by the user part of the topmost Route; else by the session case; else the originating one. */
export function functionOf(headers: SipHeaders, [top] = routeEntries(headers)): SipFunction {
  const user = top && userOf(top.uri)
  if (user === 'orig' || user === 'term' || user === 'isf' || user === 'iwf') return user
  const [served] = parseNameAddrs(headers.get('p-served-user') ?? '') ?? []
  const isTerminating = parametersOf(served?.parameters ?? '').some(([, value]) => value === 'term')
  return isTerminating ? 'term' : 'orig'
}

/** Most are plain; only others are read in full. */
const userOf = (uri: string): string | undefined =>
  /^sip:([a-z]+)@[\w.-]+(?:[:;]|$)/.exec(uri)?.[1] ?? parseUri(uri)?.user

const WHY: Readonly<Record<DecodeFault['fault'], BadInput>> = {
  malformed: 'syntax',
  'not-utf8': 'not-utf8',
  'forged-sender': 'forged-sender',
  'content-unsupported': 'content-type',
  'too-large': 'too-large',
}

/** Octets that are not UTF-8 are a charset we do not take, not a fault of syntax. */
function toRefusal(fault: DecodeFault): Refusal {
  const status = fault.fault === 'not-utf8' ? 415 : sipAnswerFor(fault.reason).status
  return refusal(status, WHY[fault.fault], fault.said, status === 415 ? { Accept: ACCEPT } : undefined)
}
