import type { Config } from '../config/schema.js'
import { normalUri } from '../cpm/address.js'
import type { Uri } from '../cpm/ids.js'
import type { User, UserDirectory } from './port.js'

/** The users of the configuration by any of their addresses. Throws when an alias is no URI or two users claim one address. */
export function createUserDirectory(users: Config['users'], domain: string, defaultCountry?: string): UserDirectory {
  const options = { domain, ...(defaultCountry !== undefined && { defaultCountry }) }
  const all: User[] = []
  const byAddress = new Map<string, User>()
  for (const [name, entry] of Object.entries(users)) {
    const [uri, ...aliases] = [`sip:${name}@${domain}`, ...entry.aliases].map((address): Uri => {
      const normal = normalUri(address, options)
      if (normal === undefined) throw new Error(`users.${name}: ${address} is not an address a user can have`)
      return normal
    })
    if (uri === undefined) continue
    const user: User = {
      uri,
      addresses: [...new Set([uri, ...aliases])],
      ...(entry.name !== undefined && { displayName: entry.name }),
      password: entry.password,
    }
    for (const address of user.addresses) {
      const other = byAddress.get(address)
      if (other) throw new Error(`users.${name}: ${address} is an address of ${other.uri} already`)
      byAddress.set(address, user)
    }
    all.push(user)
  }
  return {
    find(address) {
      const exact = byAddress.get(address)
      if (exact) return exact
      const normal = normalUri(address, options)
      return normal === undefined ? undefined : byAddress.get(normal)
    },
    all: () => all,
  }
}
