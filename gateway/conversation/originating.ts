import type { ConversationPolicies } from '../config/preferences.js'
import type { UserDirectory } from '../core/port.js'
import type { Uri } from '../cpm/ids.js'
import type { CpmMessage } from '../cpm/message.js'
import type { Acceptance } from '../interworking/acceptance.js'
import type { CpmRequest, SipAnswer } from '../sip/port.js'

export interface OriginatingOptions {
  readonly policies: Pick<ConversationPolicies, 'unroutable'>
  /** The users of the embedded core; absent with an external one. */
  readonly directory: UserDirectory | undefined
  readonly interworking: Pick<Acceptance, 'accept'>
  /** Whether a service has been chosen for all of the domain of this address. */
  readonly isOfService: (target: Uri) => boolean
  /** The terminating function of a user of the embedded core. */
  readonly terminate: (request: CpmRequest, user: Uri, message: CpmMessage) => Promise<SipAnswer>
  /** On to the external core, and what its answer leads to. */
  readonly onward: (request: CpmRequest, message: CpmMessage) => Promise<SipAnswer>
}

type Way = { readonly kind: 'user'; readonly user: Uri } | { readonly kind: 'core' | 'service' | 'refused' }

/**
 * The originating participating function: where the message of an admitted sender goes (`MSG-07`, `FLOW-25a`). His own
 * preferences play no part in it (`IW-05`).
 */
export function createOriginating(
  options: OriginatingOptions,
): (request: CpmRequest, message: CpmMessage) => Promise<SipAnswer> {
  const { interworking, terminate, onward } = options
  return (request, message) => {
    const way = wayOf(request, message, options)
    switch (way.kind) {
      case 'user':
        return terminate(request, way.user, message)
      case 'core':
        return onward(request, message)
      case 'service':
        return interworking.accept(request, message)
      case 'refused':
        return Promise.resolve({ status: 416, warning: 'the scheme of the Request-URI cannot be routed' })
    }
  }
}

/** Pure, but for what it asks. */
export function wayOf(
  { target, routes }: Pick<CpmRequest, 'target' | 'routes'>,
  { service }: Pick<CpmMessage, 'service'>,
  { directory, isOfService, policies }: Pick<OriginatingOptions, 'directory' | 'isOfService' | 'policies'>,
): Way {
  // IW-39: a reply that names a service goes to the ISF, which honours or ignores the name.
  if (service !== undefined) return { kind: 'service' }
  const user = directory?.find(target)
  if (user) return { kind: 'user', user: user.uri }
  // IW-33, IW-34: no core is tried with what it cannot route.
  if (!/^(sips?|tel):/.test(target)) return { kind: policies.unroutable === 'interwork' ? 'service' : 'refused' }
  if (directory || isOfService(target)) return { kind: 'service' }
  // CIM-03: an address looks the same whoever serves it, so the core is asked first; but a number that comes without a way
  // back into the core has been given to us for good (`IW-30`).
  return { kind: routes.length > 0 || !target.startsWith('tel:') ? 'core' : 'service' }
}
