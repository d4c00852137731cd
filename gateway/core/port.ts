import type { Uri } from '../cpm/ids.js'
import type { ContactEvent } from '../cpm/reginfo.js'

/** A user of the embedded core, from the configuration. */
export interface User {
  /** Canonical address: `sip:<name>@<domain>`. */
  readonly uri: Uri
  /** The canonical one first, then the aliases, all in normal form (`ID-04`). */
  readonly addresses: readonly Uri[]
  readonly displayName?: string
  readonly password: string
}

export interface UserDirectory {
  /** By any of his addresses, in any spelling that means the same. */
  find(address: string): User | undefined
  all(): readonly User[]
}

/** One device's registration (`REG-12`, `REG-14`). */
export interface Binding {
  readonly user: Uri
  /** Contact URI as registered. */
  readonly contact: string
  /** Display name of the Contact, or of From. */
  readonly name?: string
  /** Parameters of the Contact as they came, each with its semicolon; all but expires. */
  readonly parameters: string
  /** Where the REGISTER came from, transport:host:port: the way back to a device behind NAT. */
  readonly flow: string
  /** +sip.instance without angle brackets and quotes. */
  readonly instance?: string
  /** Feature tags of the Contact as they came; a tag without value is true. */
  readonly features: Readonly<Record<string, string | true>>
  /** q of the Contact, when it says (RFC 3261 §20.10). */
  readonly q?: number
  readonly expiresAt: number
  readonly callId: string
  readonly cseq: number
}

/** What happened to one contact of a user (RFC 3680 §5). */
export interface ContactChange {
  readonly event: Extract<ContactEvent, 'registered' | 'refreshed' | 'shortened' | 'expired' | 'unregistered'>
  /** As it is now, or was before it went. */
  readonly binding: Binding
}

export interface RegistrationChange {
  readonly user: User
  /** Never empty. */
  readonly changes: readonly ContactChange[]
  /** What is left. */
  readonly bindings: readonly Binding[]
}

export interface Registrar {
  /** Bindings that live now, oldest first. */
  bindings(user: Uri): Promise<readonly Binding[]>
  /** Calls `listener` after a device registered or refreshed on this node. */
  onRegistered(listener: (user: Uri) => void): void
  /** Calls `listener` after each change that this node made, the end of a binding's life included. */
  onChanged(listener: (change: RegistrationChange) => void): void
}
