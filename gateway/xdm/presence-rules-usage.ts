import type { Document, Element } from '@xmldom/xmldom'
import { normalUri, type UriOptions } from '../cpm/address.js'
import { parseDateTime } from '../cpm/date-time.js'
import type { Uri } from '../cpm/ids.js'
import {
  type Exception,
  HANDLINGS,
  type Handling,
  type IdentityCondition,
  type PresenceRule,
  type Shows,
  USER_INPUT,
} from '../presence/rules.js'
import type { ApplicationUsage, DocumentFault } from './application-usage.js'
import { listInAnchor } from './resource-lists-usage.js'
import { elementsOf, textOf } from './xml-document.js'

const POLICY = 'urn:ietf:params:xml:ns:common-policy'
const RULES = 'urn:ietf:params:xml:ns:pres-rules'
const OMA_POLICY = 'urn:oma:xml:xdm:common-policy'
const MAX_RULES = 500
const MAX_CONDITIONS = 2_000

/** Who may see a user's presence (RFC 5025 §9), and the same document as OMA clients name it. */
export const PRESENCE_RULES: ApplicationUsage = {
  auid: 'pres-rules',
  mediaType: 'application/auth-policy+xml',
  namespace: POLICY,
  validate(document) {
    const read = readPresenceRules(document, {})
    return 'error' in read ? read : undefined
  },
}
export const OMA_PRESENCE_RULES: ApplicationUsage = {
  ...PRESENCE_RULES,
  auid: 'org.openmobilealliance.pres-rules',
  document: 'pres-rules',
}

/** The rules of a ruleset (RFC 4745), or why it is none. What is not known here is never met, and provides nothing. */
export function readPresenceRules(document: Document, options: UriOptions): readonly PresenceRule[] | DocumentFault {
  const root = document.documentElement
  if (root?.localName !== 'ruleset' || root.namespaceURI !== POLICY) return invalid('expected a ruleset')
  const elements = children(root, POLICY, 'rule')
  if (elements.length > MAX_RULES) return { error: 'constraint-failure', phrase: `more than ${MAX_RULES} rules` }
  const ids = elements.map((rule) => rule.getAttribute('id') ?? '')
  if (ids.includes('')) return invalid('a rule has no id')
  if (new Set(ids).size < ids.length) return { error: 'uniqueness-failure', phrase: 'two rules have one id' }
  const rules: PresenceRule[] = []
  for (const element of elements) {
    const handling = handlingOf(element)
    if (handling === undefined) return invalid(`expected a sub-handling of ${HANDLINGS.join(', ')}`)
    rules.push({ ...conditionsOf(element, options), handling, shows: showsOf(element) })
  }
  const conditions = rules.reduce((sum, { identity = [] }) => sum + identity.length, 0)
  return conditions > MAX_CONDITIONS
    ? { error: 'constraint-failure', phrase: `more than ${MAX_CONDITIONS} identities` }
    : rules
}

function handlingOf(rule: Element): Handling | undefined {
  const [actions] = children(rule, POLICY, 'actions')
  const [handling] = actions ? children(actions, RULES, 'sub-handling') : []
  return handling ? HANDLINGS.find((each) => each === textOf(handling)) : 'block'
}

function conditionsOf(rule: Element, options: UriOptions): Omit<PresenceRule, 'handling' | 'shows'> {
  const [conditions] = children(rule, POLICY, 'conditions')
  const all: Omit<PresenceRule, 'handling' | 'shows'>[] = (conditions ? elementsOf(conditions) : []).map(
    (condition) => {
      switch (`${condition.namespaceURI} ${condition.localName}`) {
        case `${POLICY} identity`:
          return { identity: elementsOf(condition).flatMap((each) => identityOf(each, options)) }
        case `${POLICY} validity`:
          return { validity: validityOf(condition) }
        case `${OMA_POLICY} other-identity`:
          return { others: true }
        case `${OMA_POLICY} anonymous-request`:
          return { anonymous: true }
        case `${OMA_POLICY} external-list`:
          return { lists: elementsOf(condition).flatMap(listNameOf) }
        default:
          return { never: true }
      }
    },
  )
  return Object.assign({}, ...all)
}

function identityOf(element: Element, options: UriOptions): readonly IdentityCondition[] {
  if (element.namespaceURI !== POLICY) return []
  if (element.localName === 'one') {
    const uri = addressOf(element.getAttribute('id'), options)
    return uri === undefined ? [] : [{ kind: 'one', uri }]
  }
  if (element.localName !== 'many') return []
  const domain = element.getAttribute('domain')
  const except = children(element, POLICY, 'except').flatMap((each) => exceptionOf(each, options))
  return [{ kind: 'many', ...(domain !== null && { domain: domain.toLowerCase() }), except }]
}

function exceptionOf(element: Element, options: UriOptions): readonly Exception[] {
  const uri = addressOf(element.getAttribute('id'), options)
  const domain = element.getAttribute('domain')
  return [
    ...(uri === undefined ? [] : [{ kind: 'one', uri } as const]),
    ...(domain === null ? [] : [{ kind: 'domain', domain: domain.toLowerCase() } as const]),
  ]
}

/** An address that has no normal form is kept as it is: it then names nobody. */
const addressOf = (text: string | null, options: UriOptions): Uri | undefined =>
  text === null ? undefined : (normalUri(text.trim(), options) ?? (text.trim() as Uri))

/** Pairs of from and until (RFC 4745 §7.3). */
function validityOf(condition: Element): readonly { readonly from: number; readonly until: number }[] {
  const starts = children(condition, POLICY, 'from').map((each) => parseDateTime(textOf(each)))
  const ends = children(condition, POLICY, 'until').map((each) => parseDateTime(textOf(each)))
  return starts.flatMap((from, index) => {
    const until = ends[index]
    return from === undefined || until === undefined ? [] : [{ from, until }]
  })
}

function listNameOf(entry: Element): readonly string[] {
  const name = listInAnchor(entry.getAttribute('anc') ?? '')
  return name === undefined ? [] : [name]
}

function showsOf(rule: Element): Shows {
  const [transformations] = children(rule, POLICY, 'transformations')
  const provided = new Map<string, Element>(
    (transformations ? elementsOf(transformations) : [])
      .filter(({ namespaceURI }) => namespaceURI === RULES)
      .map((element) => [element.localName ?? '', element]),
  )
  const isAll = provided.has('provide-all-attributes')
  const isSet = (name: string): boolean => isAll || isTrue(provided.get(`provide-${name}`))
  const input = provided.get('provide-user-input')
  return {
    services: servicesOf(provided.get('provide-services')),
    person: isEveryPerson(provided.get('provide-persons')),
    activities: isSet('activities'),
    moods: isSet('mood'),
    notes: isSet('note'),
    icon: isSet('status-icon'),
    userInput: isAll ? 'full' : (USER_INPUT.find((each) => input && each === textOf(input)) ?? 'false'),
  }
}

function servicesOf(element: Element | undefined): Shows['services'] {
  const named = element ? elementsOf(element).filter(({ namespaceURI }) => namespaceURI === RULES) : []
  const texts = (name: string) => named.filter(({ localName }) => localName === name).map(textOf)
  if (named.some(({ localName }) => localName === 'all-services')) return 'all'
  return { schemes: texts('service-uri-scheme').map((scheme) => scheme.toLowerCase()), uris: texts('service-uri') }
}

/** The one person we know has no class. */
const isEveryPerson = (element: Element | undefined): boolean =>
  element !== undefined && children(element, RULES, 'all-persons').length > 0

const isTrue = (element: Element | undefined): boolean =>
  element !== undefined && ['true', '1'].includes(textOf(element))

const children = (parent: Element, uri: string, local: string): readonly Element[] =>
  elementsOf(parent).filter(({ namespaceURI, localName }) => namespaceURI === uri && localName === local)

const invalid = (phrase: string): DocumentFault => ({ error: 'schema-validation-error', phrase })
