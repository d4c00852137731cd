import { BlockList, isIPv6 } from 'node:net'
import type { Clock } from '../../cpm/clock.js'
import { canonicalHost } from '../host-port.js'

/** Sources remembered; above it the one longest unseen is forgotten, and with it what it owes. */
const MAX_SOURCES = 20_000

export interface SourceLimitOptions {
  readonly clock: Clock
  /** Messages a second one source may send for long; 0 for no limit. */
  readonly messagesPerSecond: number
  /** Messages it may send at once. */
  readonly burst: number
  /** Connections open at once, from everybody and from one source. */
  readonly maxConnections: number
  readonly maxConnectionsPerSource: number
  /** Networks that are not limited by source (`192.0.2.0/24`, `2001:db8::1`): the core speaks for many. */
  readonly unlimited: readonly string[]
}

interface Bucket {
  /** Of the networks without limit. */
  readonly unlimited: boolean
  tokens: number
  at: number
}

const NO_LIMIT: Bucket = { unlimited: true, tokens: 0, at: 0 }

/** What one source may take of the server: a token bucket for messages, a count of connections. */
export class SourceLimits {
  readonly #options: SourceLimitOptions
  readonly #unlimited: BlockList
  readonly #buckets = new Map<string, Bucket>()
  readonly #connections = new Map<string, number>()
  #total = 0

  constructor(options: SourceLimitOptions) {
    this.#options = options
    this.#unlimited = networks(options.unlimited)
  }

  /** Whether one more message may be taken; if not, nothing is counted. */
  allows(address: string): boolean {
    const bucket = this.#bucket(address)
    if (bucket.unlimited) return true
    if (bucket.tokens < 1) return false
    bucket.tokens--
    return true
  }

  /** Counts a message that has been taken already; gives the milliseconds to wait before the next, 0 for none. */
  charge(address: string): number {
    const bucket = this.#bucket(address)
    if (bucket.unlimited) return 0
    bucket.tokens--
    return bucket.tokens >= 0 ? 0 : Math.ceil((-bucket.tokens / this.#options.messagesPerSecond) * 1000)
  }

  /** Counts a connection in, or says which limit forbids it. `release` it when it is closed. */
  admit(address: string): 'connectionLimit' | 'addressLimit' | undefined {
    if (this.#total >= this.#options.maxConnections) return 'connectionLimit'
    const source = sourceOf(address)
    const open = this.#connections.get(source) ?? 0
    if (open >= this.#options.maxConnectionsPerSource && !this.#isUnlimited(address)) return 'addressLimit'
    this.#connections.set(source, open + 1)
    this.#total++
    return undefined
  }

  release(address: string): void {
    const source = sourceOf(address)
    const left = (this.#connections.get(source) ?? 1) - 1
    if (left === 0) this.#connections.delete(source)
    else this.#connections.set(source, left)
    this.#total--
  }

  /** Filled up to now and moved to the end of the table, if its source is limited. */
  #bucket(address: string): Bucket {
    const { clock, messagesPerSecond, burst } = this.#options
    if (messagesPerSecond === 0) return NO_LIMIT
    const source = sourceOf(address)
    const now = clock.now()
    const known = this.#buckets.get(source)
    if (known?.unlimited) return known
    const bucket = known ?? { unlimited: this.#isUnlimited(address), tokens: burst, at: now }
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * messagesPerSecond) / 1000)
    bucket.at = now
    if (known) this.#buckets.delete(source)
    else if (this.#buckets.size >= MAX_SOURCES) this.#forgetOldest()
    this.#buckets.set(source, bucket)
    return bucket
  }

  #forgetOldest(): void {
    const [oldest] = this.#buckets.keys()
    if (oldest !== undefined) this.#buckets.delete(oldest)
  }

  #isUnlimited(address: string): boolean {
    return this.#unlimited.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }
}

/** IPv6 hosts choose among 2^64 addresses of their own: there the /64 is the source. */
function sourceOf(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = canonicalHost(address.replace(/%.*$/, '')).split('::')
  const groups = head === '' ? [] : head.split(':')
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length)
  const all = [...groups, ...Array<string>(missing).fill('0'), ...(tail ? tail.split(':') : [])]
  return all.slice(0, 4).join(':')
}

/** Throws when one is no address or network. */
function networks(texts: readonly string[]): BlockList {
  const list = new BlockList()
  for (const text of texts) {
    const [address = '', bits] = text.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}
