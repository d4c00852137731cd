import type { UserDirectory } from '../core/port.js'
import type { Uri } from '../cpm/ids.js'
import type { Leases } from './lease.js'
import { rewrite } from './originator.js'
import type { Service } from './service.js'

export interface Recipients {
  /** The CPM user, or the group, that `sender` reaches by dialling `dialled` in the service; undefined when nobody stands behind it. */
  behind(service: Service, dialled: Uri, sender: Uri): Promise<Uri | undefined>
}

/**
 * The way back of OriginatorAddresses. With the embedded core (`directory` given) only its users, and groups, are known; behind an
 * external core every address that the mapping yields is offered to the core, which knows its users.
 */
export function createRecipients(
  leases: Leases,
  directory: UserDirectory | undefined,
  isGroup: (address: Uri) => boolean = () => false,
): Recipients {
  function userOf(address: string): Uri | undefined {
    const uri = address as Uri
    return !directory || isGroup(uri) ? uri : directory.find(address)?.uri
  }

  return {
    async behind(service, dialled, sender) {
      const { fixed, inbound, own, pool } = service.config.addresses
      if (pool?.numbers.includes(dialled)) return leases.holder(service.id, pool, dialled, sender)
      const pair = Object.entries(fixed).find(([, inService]) => inService === dialled)
      const mapped = pair?.[0] ?? rewrite(inbound, dialled)
      if (mapped !== undefined) return userOf(mapped)
      return own ? userOf(dialled) : undefined
    },
  }
}
