import { parametersOf } from '../core/name-addr.js'

/** Event header (RFC 6665 §8.2.1): the package, in lower case, and the id of the subscription within its dialog. */
export interface EventName {
  readonly package: string
  readonly id?: string
}

/** Undefined when it is missing or cannot be read. */
export function parseEvent(value: string | undefined): EventName | undefined {
  const name = /^\s*([\w.!%*+`'~-]{1,64})\s*(;.*)?$/s.exec(value ?? '')
  if (!name) return undefined
  const id = parameter(name[2], 'id')
  return { package: (name[1] ?? '').toLowerCase(), ...(id !== undefined && { id }) }
}

export function formatEvent({ package: name, id }: EventName): string {
  return id === undefined ? name : `${name};id=${id}`
}

/** Why a subscription has ended (RFC 6665 §4.1.3). */
export type EndReason = 'deactivated' | 'probation' | 'rejected' | 'timeout' | 'giveup' | 'noresource' | 'invariant'

/** Subscription-State (RFC 6665 §8.2.3); an extension state counts as active. */
export interface SubscriptionState {
  readonly state: 'active' | 'pending' | 'terminated'
  readonly expiresSeconds?: number
  readonly reason?: string
  readonly retryAfterSeconds?: number
}

/** Undefined when it is missing or cannot be read. */
export function parseSubscriptionState(value: string | undefined): SubscriptionState | undefined {
  const found = /^\s*([\w.!%*+`'~-]{1,64})\s*(;.*)?$/s.exec(value ?? '')
  if (!found) return undefined
  const name = (found[1] ?? '').toLowerCase()
  const expiresSeconds = seconds(parameter(found[2], 'expires'))
  const retryAfterSeconds = seconds(parameter(found[2], 'retry-after'))
  const reason = parameter(found[2], 'reason')?.toLowerCase()
  return {
    state: name === 'terminated' || name === 'pending' ? name : 'active',
    ...(expiresSeconds !== undefined && { expiresSeconds }),
    ...(reason !== undefined && { reason }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  }
}

/** delta-seconds; undefined for anything else. */
export function seconds(value: string | undefined): number | undefined {
  const text = value?.trim() ?? ''
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined
}

/** Whether an Accept header (RFC 3261 §20.1) takes a body type; without one, whatever the package has by default. */
export function accepts(accept: string | undefined, type: string): boolean {
  if (accept === undefined) return true
  const [main = ''] = type.split('/')
  return [type, `${main}/*`, '*/*'].some((range) => qualityOf(accept, range) > 0)
}

/** How much an Accept header wants a body type, as it stands there: 0, not at all, to 1 (RFC 3261 §20.1). */
export function qualityOf(accept: string | undefined, type: string): number {
  for (const range of accept?.split(',') ?? []) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    if (name !== type) continue
    const quality = parameters.map((each) => /^q\s*=\s*([01](?:\.\d{0,3})?)$/.exec(each)?.[1]).find(Boolean)
    return quality === undefined ? 1 : Number(quality)
  }
  return 0
}

function parameter(parameters: string | undefined, name: string): string | undefined {
  const value = parametersOf(parameters ?? '').find(([key]) => key === name)?.[1]
  return typeof value === 'string' ? value : undefined
}
