import { randomUUID } from 'node:crypto'
import { DOMAIN } from '../core/support.js'
import { type Element, openElement } from '../events/element.js'
import type { Wire } from '../sip/raw-client.js'

type Headers = Readonly<Record<string, string>>

/** A user's device behind the core, which vouches for him. */
export interface Agent extends Element {
  readonly uri: string
  publish(body: string, headers?: Headers, target?: string): Promise<Wire>
  /** SUBSCRIBE that begins a dialog; `again` sends further ones within it. */
  subscribe(
    target: string,
    headers?: Headers,
  ): Promise<{ readonly answer: Wire; again(headers?: Headers): Promise<Wire> }>
}

export async function openAgent(server: string, user: string): Promise<Agent> {
  const element = await openElement(server)
  const uri = user.includes(':') ? user : `sip:${user}@${DOMAIN}`
  const asserted = { 'P-Asserted-Identity': `<${uri}>` }
  return {
    ...element,
    uri,
    publish: (body, headers = {}, target = uri) =>
      element.ask(
        `PUBLISH ${target} SIP/2.0`,
        {
          From: `<${uri}>;tag=${randomUUID().slice(0, 8)}`,
          To: `<${target}>`,
          Event: 'presence',
          Expires: '600',
          ...asserted,
          ...(body !== '' && { 'Content-Type': 'application/pidf+xml' }),
          ...headers,
        },
        body,
      ),
    async subscribe(target, headers = {}) {
      const dialog = { From: `<${uri}>;tag=${randomUUID().slice(0, 8)}`, 'Call-ID': randomUUID() }
      const usual = { ...asserted, Contact: `<${element.contact}>`, Event: 'presence', Expires: '600', ...headers }
      const answer = await element.ask(`SUBSCRIBE ${target} SIP/2.0`, {
        ...dialog,
        To: `<${target}>`,
        ...usual,
        CSeq: '1 SUBSCRIBE',
      })
      const within = /<([^>]+)>/.exec(answer.one('Contact'))?.[1] ?? ''
      let cseq = 1
      return {
        answer,
        again(more = {}) {
          cseq += 1
          const to = { To: answer.one('To'), CSeq: `${cseq} SUBSCRIBE` }
          return element.ask(`SUBSCRIBE ${within} SIP/2.0`, { ...dialog, ...usual, ...to, ...more })
        },
      }
    },
  }
}

/** A presence document with one tuple, and what else is given. */
export const pidf = ({
  basic = 'open',
  id = 't1',
  note = '',
  activity = '',
  contact = '',
}: Readonly<Partial<Record<'basic' | 'id' | 'note' | 'activity' | 'contact', string>>> = {}): string =>
  '<?xml version="1.0"?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" ' +
  `xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:anybody@else.example"><tuple id="${id}"><status><basic>${basic}</basic></status>` +
  `${contact === '' ? '' : `<contact>${contact}</contact>`}${note === '' ? '' : `<note>${note}</note>`}</tuple>` +
  `${activity === '' ? '' : `<dm:person id="p"><rpid:activities><rpid:${activity}/></rpid:activities></dm:person>`}</presence>`

export type RuleText = readonly [conditions: string, handling: string, transformations?: string]

/** A ruleset: each rule an id, what stands in its conditions, its handling, and its transformations (default: everything). */
export const rules = (...all: readonly RuleText[]): string =>
  '<?xml version="1.0"?>\n<ruleset xmlns="urn:ietf:params:xml:ns:common-policy" xmlns:pr="urn:ietf:params:xml:ns:pres-rules" xmlns:ocp="urn:oma:xml:xdm:common-policy">' +
  all
    .map(
      ([conditions, handling, transformations = EVERYTHING], index) =>
        `<rule id="r${index}"><conditions>${conditions}</conditions><actions><pr:sub-handling>${handling}</pr:sub-handling></actions>` +
        `<transformations>${transformations}</transformations></rule>`,
    )
    .join('') +
  '</ruleset>'

const EVERYTHING =
  '<pr:provide-services><pr:all-services/></pr:provide-services><pr:provide-persons><pr:all-persons/></pr:provide-persons><pr:provide-all-attributes/>'

export const one = (uri: string): string => `<identity><one id="${uri}"/></identity>`
export const rulesOf = (user: string): string => `pres-rules/users/sip:${user}@${DOMAIN}/index`
