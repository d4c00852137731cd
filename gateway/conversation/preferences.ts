import type { ConversationPolicies, PreferencesDocument } from '../config/preferences.js'
import { normalUri, type UriOptions } from '../cpm/address.js'
import type { ServiceId, Uri } from '../cpm/ids.js'
import type { PreferenceStore, Preferences } from './port.js'

export interface PreferencesOptions extends UriOptions {
  readonly policies: ConversationPolicies
  /** The user's canonical address for any of his. */
  readonly canonical: (address: Uri) => Uri
  /** What the configuration states for him. */
  readonly configured: (user: Uri) => PreferencesDocument | undefined
  /** What he has stated himself. Rejects with SpoolUnavailable. */
  readonly stated: (user: Uri) => Promise<PreferencesDocument | undefined>
}

/** His own document before the configuration, that before the provider's defaults, key by key; then the provider's limits (`GAP-03`, `IW-11`). */
export function createPreferences(options: PreferencesOptions): PreferenceStore {
  const { policies, canonical, configured, stated } = options
  return {
    async of(address) {
      const user = canonical(address)
      return combine([(await stated(user)) ?? {}, configured(user) ?? {}, policies.defaults], policies, options)
    },
  }
}

/** Earlier documents count for more. Pure. */
export function combine(
  documents: readonly PreferencesDocument[],
  policies: Pick<ConversationPolicies, 'allowed'>,
  uris: UriOptions,
): Preferences {
  const first = <Value>(read: (document: PreferencesDocument) => Value | undefined): Value | undefined => {
    for (const document of documents) {
      const value = read(document)
      if (value !== undefined) return value
    }
    return undefined
  }
  const wanted = first(({ unavailable }) => unavailable) ?? 'defer'
  const [fallback = 'discard'] = policies.allowed
  const senders = first(({ blocked }) => blocked) ?? []
  const blocked = new Set(senders.flatMap((sender) => normalUri(sender, uris) ?? []))
  const domains = new Set(senders.flatMap((sender) => WHOLE_DOMAIN.exec(sender)?.[1]?.toLowerCase() ?? []))
  return {
    unavailable: policies.allowed.includes(wanted) ? wanted : fallback,
    waiting: first(({ waiting }) => waiting) ?? 'push',
    services: first(({ services }) => services)?.map(({ service, address }) => {
      const at = address === undefined ? undefined : normalUri(address, uris)
      return { service: service as ServiceId, ...(at !== undefined && { address: at }) }
    }),
    reports: {
      delivered: first(({ reports }) => reports?.delivered) ?? true,
      displayed: first(({ reports }) => reports?.displayed) ?? true,
    },
    copies: first(({ copies }) => copies) ?? false,
    history: first(({ history }) => history) ?? false,
    sessions: first(({ sessions }) => sessions),
    blocks: (sender) => sender.some((address) => blocked.has(address) || domains.has(domainOf(address))),
    excluded: first(({ devices }) => devices) ?? [],
  }
}

const WHOLE_DOMAIN = /^sips?:\*@([^;?\s]+)$/i

const domainOf = (address: Uri): string => /^sips?:[^@]*@([^;?:]+)/.exec(address)?.[1] ?? ''
