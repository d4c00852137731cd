import type { ServiceConfig } from '../config/schema.js'
import type { FailureReason } from '../cpm/failure.js'
import type { ServiceId, Uri } from '../cpm/ids.js'
import type { Content, CpmMessage } from '../cpm/message.js'
import { leavesOf, parseMimeTree } from '../cpm/multipart.js'
import { isAvailable, type Service, type Services } from './service.js'

/** What selection has to know of a message. */
export type Selectable = Pick<CpmMessage, 'content' | 'subject'>

/** A service that can carry the message to an address of the recipient in it. */
export interface Route {
  readonly service: Service
  readonly to: Uri
}

export interface SelectionHints {
  /** The non-CPM service identifier the request carried (`IW-40`); a hint, never a must. */
  readonly identifier?: ServiceId
  /** The service the message has come from; it is none to send it by. */
  readonly cameFrom?: ServiceId
  /** The service this pair of correspondents used last. */
  readonly lastUsed?: ServiceId
  /** The one service it has been sent to (function `iwf`). */
  readonly only?: ServiceId
  /** What the recipient wants: these services and no others, in his order, each at his address there (`ISF-01`, `ISF-05`). */
  readonly preferred?: readonly { readonly service: ServiceId; readonly address?: Uri }[]
  /** Other addresses of the recipient, for services that cannot use the target (`ISF-06`). */
  readonly aliases?: readonly Uri[]
}

/**
 * The interworking selection function: the services that can carry this message to this target, best first
 * (`ISF-01`, `IW-22`). Order: the identifier of the reply, the service used last, then the recipient's or the configured
 * order; services that are down, for which the text is long, or that would carry a part only, come after the others. Without any, the reason that came nearest to success.
 */
export function selectServices(
  services: Services,
  message: Selectable,
  target: Uri,
  hints: SelectionHints,
): readonly Route[] | FailureReason {
  const routes: Route[] = []
  let nearest: FailureReason = 'unknown-recipient'
  const { only, preferred, aliases = [], cameFrom } = hints
  const addresses = [target, ...aliases.filter((alias) => alias !== target)]

  function consider(service: Service | undefined, at: readonly Uri[]): void {
    if (!service) return
    const fit = service.id === cameFrom ? 'loop' : fitsAny(service, message, at)
    if (typeof fit !== 'string') routes.push(fit)
    else if (closeness(fit) > closeness(nearest)) nearest = fit
  }

  if (preferred) {
    for (const { service, address } of preferred) {
      consider(services.get(service), address === undefined ? addresses : [address])
    }
  } else if (only !== undefined) consider(services.get(only), addresses)
  else for (const service of services.values()) consider(service, addresses)
  if (routes.length === 0) return nearest
  return routes.length === 1 ? routes : rank(routes, message.content, hints)
}

function fitsAny(service: Service, message: Selectable, addresses: readonly Uri[]): Route | FailureReason {
  let nearest: FailureReason = 'unknown-recipient'
  for (const address of addresses) {
    const fit = fits(service, message, address)
    if (typeof fit !== 'string') return fit
    if (closeness(fit) > closeness(nearest)) nearest = fit
  }
  return nearest
}

/** How far a service was from being usable: an address it knows but cannot serve counts for more than an unknown one. */
const CLOSENESS: readonly FailureReason[] = [
  'unknown-recipient',
  'address-invalid',
  'content-unsupported',
  'too-large',
  'loop',
]
const closeness = (reason: FailureReason): number => CLOSENESS.indexOf(reason)

function fits(service: Service, message: Selectable, target: Uri): Route | FailureReason {
  const { config, adapter } = service
  const scheme = target.slice(0, target.indexOf(':'))
  const schemes = config.schemes ?? adapter.capabilities.schemes
  const to = adapter.addresses.toService(target)
  if (to === undefined) return 'unknown-recipient' // IW-33, IW-37: 404
  if (!schemes.includes(scheme) && !schemes.includes(to.slice(0, to.indexOf(':')))) return 'address-invalid'
  if (!inReach(config, target, to)) return 'unknown-recipient'
  if (config.media && !carriesMedia(config.media, message.content.type)) return 'content-unsupported'
  if (octets(message.content) > Math.min(config.maxBytes ?? Number.POSITIVE_INFINITY, adapter.capabilities.maxBytes))
    return 'too-large'
  return adapter.messages.refuses(message) ?? { service, to }
}

/** Number prefixes and domains the provider chose this service for. */
function inReach(config: ServiceConfig, target: Uri, to: Uri): boolean {
  if (config.prefixes.length > 0 && to.startsWith('tel:')) {
    if (!config.prefixes.some((prefix) => to.startsWith(`tel:${prefix}`))) return false
  }
  const at = target.indexOf('@')
  if (at < 0 || config.domains.length === 0) return true
  const domain = target.slice(at + 1).split(/[;:?]/, 1)[0] ?? ''
  return config.domains.includes(domain)
}

/** Whether a media type is among these; `image/*` stands for all images. */
export function carriesMedia(accepted: readonly string[], type: string): boolean {
  const media = (type.split(';', 1)[0] ?? '').trim().toLowerCase()
  return accepted.some(
    (pattern) => pattern === media || (pattern.endsWith('/*') && media.startsWith(pattern.slice(0, -1))),
  )
}

/** Size of the content in octets. */
export function octets(content: Content): number {
  return 'text' in content ? Buffer.byteLength(content.text) : Math.floor((content.base64.length * 3) / 4)
}

function rank(routes: readonly Route[], content: Content, hints: SelectionHints): readonly Route[] {
  const media = mediaWithin(content)
  const score = ({ service }: Route): number => {
    if (service.id === hints.identifier) return 0
    const down = isAvailable(service) ? 0 : 4
    const loath = isLongFor(service, content) || losesSome(service, media) ? 2 : 0
    return 2 + down + loath - (service.id === hints.lastUsed ? 1 : 0)
  }
  return routes
    .map((route, order) => ({ route, order, score: score(route) }))
    .sort((a, b) => a.score - b.score || a.order - b.order)
    .map(({ route }) => route)
}

/** A text of a size that policy would rather see go elsewhere. */
const isLongFor = ({ config }: Service, content: Content): boolean =>
  'text' in content && octets(content) > (config.textUpTo ?? Number.POSITIVE_INFINITY)

/** A content of which the service carries some parts only, or as a link: the text without the picture, for one. */
const losesSome = ({ adapter }: Service, media: readonly string[]): boolean =>
  media.some((type) => !carriesMedia(adapter.capabilities.media, type))

/** Media types of a content, or of the parts of a multipart. */
function mediaWithin(content: Content): readonly string[] {
  if (!/^\s*multipart\//i.test(content.type)) return [content.type]
  const body = 'text' in content ? content.text : Buffer.from(content.base64, 'base64').toString('latin1')
  const tree = parseMimeTree({ headers: new Map([['content-type', content.type]]), body })
  return tree.kind === 'fault' ? [] : leavesOf(tree).map(({ type }) => type)
}
