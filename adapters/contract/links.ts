/** What a recipient is to fetch by a link, because his service cannot carry it. */
export interface LinkedContent {
  /** Full media type. */
  readonly type: string
  readonly name?: string
  readonly octets: Uint8Array
}

/** The gateway's own store of contents, open to whoever has been told the address of one. */
export interface ContentLinks {
  /** Octets of one content at most. */
  readonly maxBytes: number
  /** Characters of an address, all of one length. */
  readonly length: number
  /**
   * Keeps a content and tells its address, which nobody can guess. The same `key` has the same address, so that every attempt at
   * a message names the same. Undefined when there is no room for it. Rejects when the store is out of reach.
   */
  keep(key: string, content: LinkedContent): Promise<string | undefined>
}
