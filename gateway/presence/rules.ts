import type { Uri } from '../cpm/ids.js'

/** What becomes of a watcher, from the least to the most (RFC 5025 §3.2.1). */
export const HANDLINGS = ['block', 'confirm', 'polite-block', 'allow'] as const
export type Handling = (typeof HANDLINGS)[number]

/** How much of `user-input` is told, from the least to the most (RFC 5025 §3.3.2.12). */
export const USER_INPUT = ['false', 'bare', 'thresholds', 'full'] as const

/** Who a condition is about (RFC 4745 §7.1). Addresses in normal form, domains in lower case. */
export type IdentityCondition =
  | { readonly kind: 'one'; readonly uri: Uri }
  | { readonly kind: 'many'; readonly domain?: string; readonly except: readonly Exception[] }
export type Exception =
  | { readonly kind: 'one'; readonly uri: Uri }
  | { readonly kind: 'domain'; readonly domain: string }

/** What a watcher gets to see (RFC 5025 §3.3), of what presence documents are mapped to. Rules add up; nothing is ever taken away. */
export interface Shows {
  /** Tuples: all of them, or those whose contact has one of these schemes or is one of these addresses. */
  readonly services: 'all' | { readonly schemes: readonly string[]; readonly uris: readonly string[] }
  readonly person: boolean
  readonly activities: boolean
  readonly moods: boolean
  readonly notes: boolean
  readonly icon: boolean
  readonly userInput: (typeof USER_INPUT)[number]
}

export interface PresenceRule {
  /** Any of them; absent: anybody, also who has no name. */
  readonly identity?: readonly IdentityCondition[]
  /** Those that no rule of the kind before names (OMA). */
  readonly others?: true
  /** Who hides his name (OMA). */
  readonly anonymous?: true
  /** Members of the owner's own resource lists of these names (OMA external-list). */
  readonly lists?: readonly string[]
  /** Times at which it holds, ms since 1970; absent: always. */
  readonly validity?: readonly { readonly from: number; readonly until: number }[]
  /** It has a condition that is not known here, which is never met (RFC 4745 §7). */
  readonly never?: true
  readonly handling: Handling
  readonly shows: Shows
}

export interface Decision {
  readonly handling: Handling
  readonly shows: Shows
}

/** Who wants to see, by all his addresses in normal form. */
export interface Asking {
  readonly addresses: readonly Uri[]
  readonly now: number
  /** Addresses on one of the owner's resource lists. */
  list(name: string): ReadonlySet<Uri>
}

export const SHOWS_ALL: Shows = {
  services: 'all',
  person: true,
  activities: true,
  moods: true,
  notes: true,
  icon: true,
  userInput: 'full',
}
export const SHOWS_NOTHING: Shows = {
  services: { schemes: [], uris: [] },
  person: false,
  activities: false,
  moods: false,
  notes: false,
  icon: false,
  userInput: 'false',
}

/** The owner of these rules lets this watcher do what the most generous rule that fits says; without one nothing (RFC 4745 §10). */
export function decide(rules: readonly PresenceRule[], asking: Asking): Decision {
  const holding = rules.filter((rule) => !rule.never && isValid(rule, asking.now))
  const named = holding.filter((rule) => !rule.others && meets(rule, asking))
  const isNamed = named.some(({ identity, lists }) => identity !== undefined || lists !== undefined)
  const matching = isNamed || isAnonymous(asking) ? named : [...named, ...holding.filter(({ others }) => others)]
  return {
    handling: greatest(
      HANDLINGS,
      matching.map(({ handling }) => handling),
    ),
    shows: matching.map(({ shows }) => shows).reduce(both, SHOWS_NOTHING),
  }
}

const isValid = ({ validity }: PresenceRule, now: number): boolean =>
  validity === undefined || validity.some(({ from, until }) => from <= now && now < until)

function meets({ identity, anonymous, lists }: PresenceRule, asking: Asking): boolean {
  if (anonymous && !isAnonymous(asking)) return false
  if (identity && !asking.addresses.some((address) => identity.some((condition) => names(condition, address)))) {
    return false
  }
  return lists === undefined || lists.some((name) => asking.addresses.some((address) => asking.list(name).has(address)))
}

function names(condition: IdentityCondition, address: Uri): boolean {
  if (isHidden(address)) return false
  if (condition.kind === 'one') return condition.uri === address
  const domain = domainOf(address)
  if (condition.domain !== undefined && condition.domain !== domain) return false
  return !condition.except.some((exception) =>
    exception.kind === 'one' ? exception.uri === address : exception.domain === domain,
  )
}

/** RFC 3323 §4.1.1.3. */
const isHidden = (address: Uri): boolean => /[@.]anonymous\.invalid$/i.test(address)
const isAnonymous = ({ addresses }: Asking): boolean => addresses.every(isHidden)

/** A number has none. */
const domainOf = (address: Uri): string | undefined =>
  /^(?:sips?|xmpp|mailto|wv):(?:[^@/]*@)?([^;?:/@]+)/i.exec(address)?.[1]?.toLowerCase()

const both = (one: Shows, other: Shows): Shows => ({
  services:
    one.services === 'all' || other.services === 'all'
      ? 'all'
      : {
          schemes: [...one.services.schemes, ...other.services.schemes],
          uris: [...one.services.uris, ...other.services.uris],
        },
  person: one.person || other.person,
  activities: one.activities || other.activities,
  moods: one.moods || other.moods,
  notes: one.notes || other.notes,
  icon: one.icon || other.icon,
  userInput: greatest(USER_INPUT, [one.userInput, other.userInput]),
})

/** The one that comes last in the order; the first of the order when there are none. */
function greatest<Value extends string>(order: readonly [Value, ...Value[]], values: readonly Value[]): Value {
  return values.reduce((most, value) => (order.indexOf(value) > order.indexOf(most) ? value : most), order[0])
}
