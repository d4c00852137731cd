import type { Clock } from '../cpm/clock.js'
import { param, parseAddress } from './message/address.js'
import { type HeaderField, header, type SipRequest, type SipResponse } from './message/message.js'
import { splitList } from './message/split.js'
import { parseUri, userAtHost } from './message/uri.js'
import type { Flow } from './transport/flow.js'

const MAX_FLOWS = 200_000
const MAX_CONTACTS = 16

/**
 * The connections by which registered devices are reached: a device behind NAT has a Contact nobody can connect to.
 * Found by `user@host` of its Contact.
 */
export class RegisteredFlows {
  readonly #clock: Clock
  readonly #flows = new Map<string, { readonly flow: Flow; readonly until: number }>()
  readonly #keys = new Map<Flow, Set<string>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Learns from the answer to a REGISTER: a 2xx with a lifetime binds, lifetime 0 unbinds. */
  learn(request: SipRequest, answer: SipResponse, flow: Flow): void {
    if (request.method !== 'REGISTER' || flow.transport === 'udp' || !flow.open) return
    if (answer.status < 200 || answer.status > 299) return
    const granted = contactsOf(answer.headers)
    for (const key of contactsOf(request.headers).keys()) {
      const seconds = granted.has(key) ? lifetime(granted.get(key), header(answer, 'expires')) : 0
      if (seconds !== undefined && seconds > 0) this.#bind(key, flow, seconds)
      else this.#unbind(key)
    }
  }

  /** The connection for a Request-URI; undefined when there is none that is open and of age. */
  find(requestUri: string): Flow | undefined {
    if (this.#flows.size === 0) return undefined
    const uri = parseUri(requestUri)
    if (!uri?.user) return undefined
    const bound = this.#flows.get(userAtHost(uri))
    return bound && bound.until > this.#clock.now() && bound.flow.open ? bound.flow : undefined
  }

  /** Forgets what led to a connection that is gone. */
  closed(flow: Flow): void {
    for (const key of this.#keys.get(flow) ?? []) if (this.#flows.get(key)?.flow === flow) this.#flows.delete(key)
    this.#keys.delete(flow)
  }

  #bind(key: string, flow: Flow, seconds: number): void {
    this.#unbind(key)
    const keys = this.#keys.get(flow) ?? new Set()
    if (this.#flows.size >= MAX_FLOWS || keys.size >= MAX_CONTACTS) return
    this.#flows.set(key, { flow, until: this.#clock.now() + seconds * 1000 })
    this.#keys.set(flow, keys.add(key))
  }

  #unbind(key: string): void {
    const bound = this.#flows.get(key)
    if (!bound) return
    this.#flows.delete(key)
    this.#keys.get(bound.flow)?.delete(key)
  }
}

/** Contacts by `user@host`, with their parameters. */
function contactsOf(headers: readonly HeaderField[]): Map<string, string> {
  const contacts = new Map<string, string>()
  for (const { key, value } of headers) {
    if (key !== 'contact') continue
    for (const contact of splitList(value).slice(0, MAX_CONTACTS)) {
      const address = parseAddress(contact)
      const uri = address && parseUri(address.uri)
      if (uri?.user) contacts.set(userAtHost(uri), address?.params ?? '')
    }
  }
  return contacts
}

/** RFC 3261 §10.2.1.1: the parameter of the contact counts before the header. */
function lifetime(params: string | undefined, expires: string | undefined): number | undefined {
  const value = (params === undefined ? undefined : param(params, 'expires')) ?? expires
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined
}
