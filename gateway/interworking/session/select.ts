import type { FailureReason } from '../../cpm/failure.js'
import { type Route, type SelectionHints, selectServices } from '../selection.js'
import { isAvailable, type Service, type Services } from '../service.js'
import type { OutsideInvitation } from './port.js'

/** What is asked of a service without sessions before it is chosen: whether it carries text. */
const TEXT = { content: { type: 'text/plain', text: '' } }

/**
 * The services by which he can be invited, best first (`ISF-01`, `CPM-IWF-008`): in the recipient's own order if he has one;
 * otherwise those with sessions before those that only carry messages.
 */
export function sessionRoutes(services: Services, invitation: OutsideInvitation): readonly Route[] | FailureReason {
  const hints = hintsOf(services, invitation)
  const routes = selectServices(services, TEXT, invitation.target, hints)
  if (typeof routes === 'string' || hints.preferred) return routes
  const native = routes.filter(({ service }) => hasSessions(service) && isAvailable(service))
  return [...native, ...routes.filter((route) => !native.includes(route))]
}

const hasSessions = ({ adapter }: Service): boolean => adapter.sessions !== undefined

function hintsOf(
  services: Services,
  { function: called, identities: { service }, recipient }: OutsideInvitation,
): SelectionHints {
  if (called === 'iwf') return service !== undefined && services.has(service) ? { only: service } : {}
  if (recipient === undefined) return service === undefined ? {} : { identifier: service }
  return {
    // At the terminating side the identifier says where it comes from.
    ...(service === undefined ? {} : { cameFrom: service }),
    ...(recipient.services === undefined ? {} : { preferred: recipient.services }),
    aliases: recipient.addresses,
  }
}
