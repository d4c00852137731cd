import { z } from 'zod'
import type { Config } from '../config/schema.js'
import { normalUri, type UriOptions } from '../cpm/address.js'
import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import type { AddressBook } from '../interworking/address-book.js'

export type AddressBookConfig = NonNullable<Config['interworking']['addressBook']>

/** What came of asking the book. */
export type Lookup = 'found' | 'none' | 'failed'

export interface AddressBookOptions extends AddressBookConfig {
  readonly uris: UriOptions
  readonly clock: Clock
  readonly onAsked: (lookup: Lookup, error?: unknown) => void
}

const MAX_ANSWER = 65_536
const MAX_USERS = 10_000
/** A book that has failed is left alone for so long, so that no message after it waits for nothing. */
const PAUSE_MS = 5_000

const answerSchema = z.object({ addresses: z.array(z.string().max(256)).max(32) })

interface Known {
  readonly until: number
  readonly addresses: Promise<readonly Uri[]>
}

/**
 * The book behind a URL: `GET url?address=sip:bob@cpm.example` is answered with `{"addresses": ["tel:+12065550102"]}`, or 404. Each
 * answer counts for `cache` ms.
 */
export function createAddressBook(options: AddressBookOptions): AddressBook {
  const { url, timeout, cache, uris, clock, onAsked } = options
  const known = new Map<Uri, Known>()
  let pausedUntil = 0

  async function ask(user: Uri): Promise<readonly Uri[]> {
    try {
      const addresses = await fetched(user)
      onAsked(addresses.length === 0 ? 'none' : 'found')
      return addresses
    } catch (error) {
      onAsked('failed', error)
      pausedUntil = clock.now() + PAUSE_MS
      known.delete(user)
      return []
    }
  }

  async function fetched(user: Uri): Promise<readonly Uri[]> {
    const target = new URL(url)
    target.searchParams.set('address', user)
    const headers = { accept: 'application/json' }
    const response = await fetch(target, { headers, redirect: 'error', signal: AbortSignal.timeout(timeout) })
    const body = await textOf(response)
    if (response.status === 404) return []
    if (response.status !== 200) throw new Error(`the address book answered ${response.status}`)
    const { addresses } = answerSchema.parse(JSON.parse(body))
    return [...new Set(addresses.flatMap((address) => normalUri(address, uris) ?? []))]
  }

  return {
    addressesOf(user) {
      const now = clock.now()
      const before = known.get(user)
      if (before && before.until > now) return before.addresses
      known.delete(user)
      if (pausedUntil > now) return Promise.resolve([])
      const addresses = ask(user)
      known.set(user, { until: now + cache, addresses })
      const [oldest] = known.keys()
      if (known.size > MAX_USERS && oldest !== undefined) known.delete(oldest)
      return addresses
    },
  }
}

/** Throws when there is more of it than an answer may have. */
async function textOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.byteLength
    if (size > MAX_ANSWER) throw new Error(`the address book's answer is longer than ${MAX_ANSWER} octets`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
