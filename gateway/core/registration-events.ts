import type { Logger } from 'pino'
import type { Clock } from '../cpm/clock.js'
import { stableId } from '../cpm/identity.js'
import type { Uri } from '../cpm/ids.js'
import { buildReginfo, type ContactInfo, REGINFO_TYPE, type Reginfo, type RegistrationInfo } from '../cpm/reginfo.js'
import type { Notifier } from '../events/notifier.js'
import type { Authorisation, SubscriptionRequest } from '../events/package.js'
import { parametersOf } from './name-addr.js'
import type { Binding, ContactChange, Registrar, User, UserDirectory } from './port.js'

export interface RegistrationEventsOptions {
  readonly notifier: Notifier
  readonly directory: UserDirectory
  readonly registrar: Registrar
  /** Shortest subscription taken, ms. */
  readonly minExpires: number
  /** Shortest time between two notifications of one subscription, ms. */
  readonly notifyInterval: number
  readonly clock: Clock
  readonly log: Logger
}

/** RFC 3680 §4.4. */
const STANDARD_EXPIRES_S = 3761
const MAX_EXPIRES_S = 604_800

/** The registration event package of the embedded core (RFC 3680; `REGEV-03`, `REGEV-07` to `REGEV-10`). */
export function startRegistrationEvents(options: RegistrationEventsOptions): void {
  const { notifier, directory, registrar, clock, log } = options

  const published = notifier.add<ContactChange>({
    name: 'reg',
    contentType: REGINFO_TYPE,
    expires: { min: Math.ceil(options.minExpires / 1000), standard: STANDARD_EXPIRES_S, max: MAX_EXPIRES_S },
    minIntervalMs: options.notifyInterval,
    authorise: async (request) => authorise(request, directory),
    async full(resource, version) {
      const bindings = await registrar.bindings(resource)
      const contacts = bindings.map((binding) => contactInfo(binding, 'registered', clock.now()))
      return document(resource, version, 'full', bindings.length > 0 ? 'active' : 'init', contacts)
    },
    async partial(resource, changes, version) {
      const left = (await registrar.bindings(resource)).length > 0
      const contacts = changes.map(({ binding, event }) => contactInfo(binding, event, clock.now()))
      return document(resource, version, 'partial', left ? 'active' : 'terminated', contacts)
    },
  })

  /** One registration for each address of the implicit set: all have the same contacts. */
  function document(
    resource: Uri,
    version: number,
    state: Reginfo['state'],
    registration: RegistrationInfo['state'],
    contacts: readonly ContactInfo[],
  ): string {
    const user = directory.find(resource)
    const registrations = (user?.addresses ?? [resource]).map((aor) => ({
      aor,
      id: `r${stableId(aor).slice(0, 8)}`,
      state: registration,
      contacts: named(contacts, user),
    }))
    return buildReginfo({ version, state, registrations })
  }

  registrar.onChanged(({ user, changes }) => {
    published
      .changed(user.uri, changes)
      .catch((error: unknown) => log.warn({ user: user.uri, err: error }, 'registration event not told'))
  })
}

/** `REGEV-07`: the user himself, and servers that a trusted peer vouches for; no other user. */
function authorise({ resource, subscriber, byCore }: SubscriptionRequest, directory: UserDirectory): Authorisation {
  const user = directory.find(resource)
  if (!user) return { kind: 'refused', status: 404, warning: 'no such user' }
  const asking = subscriber && directory.find(subscriber.uri)
  const isAllowed = asking ? asking.uri === user.uri : byCore
  return isAllowed
    ? { kind: 'granted', resource: user.uri }
    : { kind: 'refused', status: 403, warning: 'only the user himself and servers may know his registrations' }
}

function contactInfo(binding: Binding, event: ContactChange['event'], now: number): ContactInfo {
  const { user, contact, name, parameters, q, callId, cseq, expiresAt } = binding
  const isActive = event !== 'expired' && event !== 'unregistered'
  return {
    id: `c${stableId(`${user} ${contact}`).slice(0, 8)}`,
    state: isActive ? 'active' : 'terminated',
    event,
    uri: contact,
    callId,
    cseq,
    parameters: parametersOf(parameters).filter(([key]) => key !== 'q'),
    ...(isActive && { expires: Math.max(0, Math.ceil((expiresAt - now) / 1000)) }),
    ...(name !== undefined && { displayName: name }),
    ...(q !== undefined && { q }),
  }
}

/** `REG-06`: a device without a name of its own goes by that of its user. */
function named(contacts: readonly ContactInfo[], user: User | undefined): readonly ContactInfo[] {
  const displayName = user?.displayName
  return displayName === undefined ? contacts : contacts.map((contact) => ({ displayName, ...contact }))
}
