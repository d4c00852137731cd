import type { Config } from '../config/schema.js'
import { type Contact, deltaSeconds, parseContacts } from './contact.js'
import type { Binding, ContactChange } from './port.js'
import type { RegisterAnswer, RegisterRequest } from './registrar.js'

export type BindingLimits = Config['sip']['registration']

export type BindingChange =
  | { readonly kind: 'changed'; readonly bindings: readonly Binding[] }
  | { readonly kind: 'refused'; readonly answer: RegisterAnswer }

/** Octets of all Contacts of a user at most, so that the 200 stays a message that every SIP element takes. */
const MAX_LIST = 8000

/** What a REGISTER makes of a user's bindings (RFC 3261 §10.3 steps 6 and 7): all of it, or nothing. Pure. */
export function changeBindings(
  current: readonly Binding[],
  request: RegisterRequest,
  now: number,
  limits: BindingLimits,
): BindingChange {
  const living = current.filter((binding) => binding.expiresAt > now)
  if (request.contact === undefined) return { kind: 'changed', bindings: living }
  const contacts = parseContacts(request.contact)
  switch (contacts.kind) {
    case 'fault':
      return refused(400, contacts.said)
    case 'all':
      return removeAll(living, request)
    case 'list':
      return changeEach(living, contacts.contacts, request, now, limits)
  }
}

/** `Contact: *` (RFC 3261 §10.2.2): only with Expires 0. */
function removeAll(living: readonly Binding[], request: RegisterRequest): BindingChange {
  if (request.expires?.trim() !== '0') return refused(400, 'Contact: * needs Expires: 0')
  if (living.some((binding) => isOutOfOrder(binding, request))) return outOfOrder()
  return { kind: 'changed', bindings: [] }
}

function changeEach(
  living: readonly Binding[],
  contacts: readonly Contact[],
  request: RegisterRequest,
  now: number,
  limits: BindingLimits,
): BindingChange {
  let bindings = [...living]
  for (const contact of contacts) {
    const expires = (contact.expires ?? deltaSeconds(request.expires ?? true)) * 1000
    if (expires > 0 && expires < limits.minExpires) return tooBrief(limits)
    const before = bindings.findIndex((binding) => isSameDevice(binding, contact))
    const known = bindings[before]
    if (known && isOutOfOrder(known, request)) return outOfOrder()
    if (expires === 0) {
      bindings = bindings.filter((_, at) => at !== before)
      continue
    }
    const binding = toBinding(contact, request, now + Math.min(expires, limits.maxExpires))
    if (known) bindings[before] = binding
    else bindings.push(binding)
  }
  if (bindings.length > limits.maxBindings) {
    return refused(403, `no more than ${limits.maxBindings} devices of one user can be registered`)
  }
  const size = bindings.reduce((sum, binding) => sum + binding.contact.length + binding.parameters.length, 0)
  if (size > MAX_LIST) return refused(403, `the Contacts of all devices together are longer than ${MAX_LIST} octets`)
  return { kind: 'changed', bindings }
}

function toBinding(contact: Contact, request: RegisterRequest, expiresAt: number): Binding {
  const name = contact.name ?? request.name
  return {
    user: request.user.uri,
    contact: contact.uri,
    flow: request.flow,
    features: contact.features,
    parameters: contact.parameters,
    expiresAt,
    callId: request.callId,
    cseq: request.cseq,
    ...(contact.instance !== undefined && { instance: contact.instance }),
    ...(name !== undefined && { name }),
    ...(contact.q !== undefined && { q: contact.q }),
  }
}

/** A device with an instance is known by it (`REG-12`), another by its Contact. */
function isSameDevice(binding: Binding, contact: Contact): boolean {
  if (binding.instance !== undefined && contact.instance !== undefined) return binding.instance === contact.instance
  return binding.contact === contact.uri
}

function isOutOfOrder(binding: Binding, request: RegisterRequest): boolean {
  return binding.callId === request.callId && request.cseq <= binding.cseq
}

function outOfOrder(): BindingChange {
  return refused(500, 'CSeq is not higher than that of the last REGISTER with this Call-ID')
}

function tooBrief(limits: BindingLimits): BindingChange {
  const headers = { 'Min-Expires': String(Math.ceil(limits.minExpires / 1000)) }
  return { kind: 'refused', answer: { status: 423, headers } }
}

/** What became of each contact between two lists (RFC 3680 §5): the events of a registration. Pure. */
export function contactChanges(
  before: readonly Binding[],
  after: readonly Binding[],
  now: number,
): readonly ContactChange[] {
  const gone = before
    .filter(({ contact }) => !after.some((binding) => binding.contact === contact))
    .map((binding): ContactChange => ({ event: binding.expiresAt > now ? 'unregistered' : 'expired', binding }))
  const here = after.flatMap((binding): readonly ContactChange[] => {
    const known = before.find(({ contact, expiresAt }) => contact === binding.contact && expiresAt > now)
    if (!known) return [{ event: 'registered', binding }]
    if (known.callId === binding.callId && known.cseq === binding.cseq) return []
    return [{ event: binding.expiresAt < known.expiresAt ? 'shortened' : 'refreshed', binding }]
  })
  return [...gone, ...here]
}

function refused(status: number, warning: string): BindingChange {
  return { kind: 'refused', answer: { status, warning } }
}
