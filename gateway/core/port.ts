import type { Uri } from '../cpm/ids.js'

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
  /** Where the REGISTER came from, transport:host:port: the way back to a device behind NAT. */
  readonly flow: string
  /** +sip.instance without angle brackets and quotes. */
  readonly instance?: string
  /** Feature tags of the Contact as they came; a tag without value is true. */
  readonly features: Readonly<Record<string, string | true>>
  readonly expiresAt: number
  readonly callId: string
  readonly cseq: number
}

export interface Registrar {
  /** Bindings that live now, oldest first. */
  bindings(user: Uri): Promise<readonly Binding[]>
  /** Calls `listener` after a device registered or refreshed on this node. */
  onRegistered(listener: (user: Uri) => void): void
}
