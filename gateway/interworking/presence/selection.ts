import type { Uri } from '../../cpm/ids.js'
import { type Route, selectServices } from '../selection.js'
import type { Service, Services } from '../service.js'

/** What is asked of a service before it is chosen: whether it has such a user at all. */
const TEXT = { content: { type: 'text/plain', text: '' } }

/**
 * The service in which somebody's presence can be had (`PRES-01`), as for messages to him. Without one, the status that a
 * SUBSCRIBE gets: 403 when he is in services without presence, 404 when he is nowhere.
 */
export function presenceRoute(services: Services, presentity: Uri): Route | 403 | 404 {
  const routes = selectServices(services, TEXT, presentity, {})
  if (typeof routes === 'string') return 404
  return routes.find(({ service }) => hasPresence(service)) ?? 403
}

const hasPresence = ({ adapter }: Service): boolean => adapter.presence !== undefined && adapter.capabilities.presence
