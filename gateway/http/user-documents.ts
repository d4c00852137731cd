import type { Config } from '../config/schema.js'
import type { PreferenceStore } from '../conversation/port.js'
import { createPreferences } from '../conversation/preferences.js'
import type { EmbeddedCore } from '../core/embedded-core.js'
import { normalUri } from '../cpm/address.js'
import type { Uri } from '../cpm/ids.js'
import type { Metrics } from '../observe/metrics.js'
import type { PresenceDocuments } from '../presence/port.js'
import { createTrust } from '../sip/trust.js'
import type { NoteStore } from '../spool/spool.js'
import { createDocuments } from '../xdm/documents.js'
import { PREFERENCES } from '../xdm/preferences-usage.js'
import { createUserPreferences } from '../xdm/user-preferences.js'
import { createUserPresence, PRESENCE_USAGES } from '../xdm/user-presence.js'
import type { UserAdministration } from './users.js'
import type { XcapOptions } from './xcap.js'
import { createXcapIdentity } from './xcap-identity.js'

export interface UserDocuments {
  readonly preferences: PreferenceStore
  readonly presence: PresenceDocuments
  readonly administration: UserAdministration
  readonly xcap: XcapOptions
}

/** What users state about themselves: kept as documents, reached over XCAP and by the operator. */
export function createUserDocuments(
  config: Pick<Config, 'domain' | 'defaultCountry' | 'users' | 'conversation' | 'http'>,
  notes: NoteStore,
  core: Pick<EmbeddedCore, 'directory' | 'authenticator'> | undefined,
  metrics: Pick<Metrics, 'badInput'>,
  presenceChanged: (owner: Uri) => void = () => undefined,
): UserDocuments {
  const { domain, defaultCountry } = config
  const uris = { domain, ...(defaultCountry !== undefined && { defaultCountry }) }
  const ofPresence = new Set<string>(PRESENCE_USAGES.map(({ auid }) => auid))
  const documents = createDocuments(notes, ({ auid, owner }) => {
    if (ofPresence.has(auid)) presenceChanged(owner)
  })
  const stated = createUserPreferences(documents)
  const configured = new Map(
    Object.entries(config.users).map(([name, user]) => [`sip:${name}@${domain}` as Uri, user.preferences]),
  )
  // An external core knows its users; for us everybody who it lets at his documents is one.
  const owner = (address: string): Uri | undefined =>
    core ? core.directory.find(address)?.uri : normalUri(address, uris)
  const preferences = createPreferences({
    ...uris,
    policies: config.conversation,
    canonical: (address) => owner(address) ?? address,
    configured: (user) => configured.get(user),
    stated: stated.read,
  })
  const identify = createXcapIdentity({
    tokens: config.http.tokens,
    isTrusted: createTrust(config.http.trust),
    owner,
    authenticator: core?.authenticator,
    metrics,
  })
  return {
    preferences,
    presence: createUserPresence(documents, uris),
    administration: { known: core?.directory.all().map(({ uri }) => uri) ?? [], owner, documents: stated, preferences },
    xcap: { ...uris, usages: [PREFERENCES, ...PRESENCE_USAGES], documents, owner, identify },
  }
}
