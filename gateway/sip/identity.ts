import type { EmbeddedCore } from '../core/embedded-core.js'
import { parametersOf, parseNameAddrs } from '../core/name-addr.js'
import type { User } from '../core/port.js'
import { normalUri, type UriOptions } from '../cpm/address.js'
import type { Uri } from '../cpm/ids.js'
import { type Refusal, refusal, tooManyWrong } from './answer.js'
import { flowOf } from './flow.js'
import type { IncomingRequest } from './link.js'
import type { Originator } from './port.js'

/** Who speaks, and by which of his addresses. */
export interface Identified {
  readonly kind: 'identified'
  readonly originator: Originator
  readonly from: Uri
  /** Vouched for by the SIP/IP core, and not by his own credentials. */
  readonly byCore: boolean
}

export interface IdentityOptions extends UriOptions {
  readonly isTrusted: (host: string) => boolean
  readonly core?: EmbeddedCore
}

/**
 * Finds out who speaks. A trusted peer's P-Asserted-Identity is believed (RFC 3325 §5); from anybody else identity headers
 * count for nothing: with the embedded core he is a registered user on the flow of one of his devices, or one who
 * proves his password. Rejects with SpoolUnavailable.
 */
export function identify(
  request: IncomingRequest,
  options: IdentityOptions,
): Promise<Identified | Refusal> | Identified | Refusal {
  const { core } = options
  const trusted = options.isTrusted(request.sourceHost)
  if (trusted && (!core || request.headers.has('p-asserted-identity'))) return asserted(request, options)
  return core ? registered(request, core, options) : refusal(403, 'untrusted', 'the sender is not a trusted peer')
}

/** P-Served-User, if there, names the user in whose name the core asks (RFC 5502 §4.3). */
function asserted(request: IncomingRequest, options: IdentityOptions): Identified | Refusal {
  const identities = normalUris(request.headers.get('p-asserted-identity'), options)
  if (identities.length === 0) return refusal(403, 'untrusted', 'P-Asserted-Identity with a sip or tel URI expected')
  const all = distinct(servedOriginator(request, options), identities)
  const [from = '' as Uri] = all
  const user = options.core?.directory.find(from)
  const addresses = user?.addresses ?? all
  return { kind: 'identified', byCore: true, from, originator: { uri: user?.uri ?? from, addresses } }
}

function servedOriginator(request: IncomingRequest, options: UriOptions): readonly Uri[] {
  const header = request.headers.get('p-served-user')
  if (header === undefined) return []
  const [entry] = parseNameAddrs(header) ?? []
  const isTerminating = parametersOf(entry?.parameters ?? '').some(
    ([name, value]) => name === 'sescase' && value === 'term',
  )
  return isTerminating ? [] : normalUris(entry?.uri, options)
}

async function registered(
  request: IncomingRequest,
  core: EmbeddedCore,
  options: UriOptions,
): Promise<Identified | Refusal> {
  const flow = flowOf(request)
  const claimed = [
    ...normalUris(request.headers.get('p-preferred-identity'), options),
    ...normalUris(request.headers.get('from'), options),
  ]
  let unregistered = false
  for (const address of claimed) {
    const user = core.directory.find(address)
    if (!user) continue
    const bindings = await core.registrar.bindings(user.uri)
    const binding = bindings.find((each) => each.flow === flow)
    if (binding) return asUser(user, claimed, binding.instance)
    if (bindings.length === 0) unregistered = true
  }
  const credentials = request.headers.get('proxy-authorization')
  if (credentials === undefined && unregistered) return notRegistered()
  return proved(request, credentials, claimed, core)
}

async function proved(
  request: IncomingRequest,
  credentials: string | undefined,
  claimed: readonly Uri[],
  core: EmbeddedCore,
): Promise<Identified | Refusal> {
  const outcome = await core.authenticator.authenticate(credentials, request)
  switch (outcome.kind) {
    case 'challenge':
      return { kind: 'refused', answer: { status: 407, headers: { 'Proxy-Authenticate': outcome.challenges } } }
    case 'wrong':
      return refusal(403, 'credentials', 'wrong user or password')
    case 'wait':
      return tooManyWrong(outcome.seconds)
    case 'user': {
      const bindings = await core.registrar.bindings(outcome.user.uri)
      return bindings.length === 0 ? notRegistered() : asUser(outcome.user, claimed, undefined)
    }
  }
}

/** `REG-01` */
function notRegistered(): Refusal {
  return refusal(403, 'unregistered', 'register before sending')
}

/** The address he asked for if it is his, otherwise his default one (`REG-21`). */
function asUser(user: User, claimed: readonly Uri[], device: string | undefined): Identified {
  const from = claimed.find((address) => user.addresses.includes(address)) ?? user.uri
  const originator = { uri: user.uri, addresses: user.addresses, ...(device !== undefined && { device }) }
  return { kind: 'identified', byCore: false, from, originator }
}

/** The addresses of a header, each once. */
function normalUris(header: string | undefined, options: UriOptions): readonly Uri[] {
  const found: Uri[] = []
  for (const entry of (header !== undefined && parseNameAddrs(header)) || []) {
    const uri = normalUri(entry.uri, options)
    if (uri !== undefined && !found.includes(uri)) found.push(uri)
  }
  return found
}

const distinct = (first: readonly Uri[], second: readonly Uri[]): readonly Uri[] =>
  first.length === 0 ? second : [...new Set([...first, ...second])]
