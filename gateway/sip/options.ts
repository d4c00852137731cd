import type { Logger } from 'pino'
import type { Config } from '../config/schema.js'
import type { EmbeddedCore } from '../core/embedded-core.js'
import type { Clock } from '../cpm/clock.js'
import type { OutcomeClass } from './outcome.js'
import type { CpmRequestHandler } from './port.js'

/** The control port of the SIP server. */
export interface ControlAddress {
  readonly host: string
  readonly port: number
  readonly secret: string
}

export interface SipEdgeOptions {
  readonly config: Pick<Config, 'domain' | 'defaultCountry' | 'sip'> & {
    readonly interworking: { readonly policies: Pick<Config['interworking']['policies'], 'maxLife'> }
    readonly sessions: Pick<Config['sessions'], 'refresh'>
  }
  readonly server: ControlAddress
  /** Other nodes share the store with this one, so that peers have to be told which node has what. */
  readonly isOneOfMany?: boolean
  /** Absent with an external SIP/IP core. */
  readonly core?: EmbeddedCore
  readonly onRequest: CpmRequestHandler
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: SipMetrics
}

/** Why a request was not taken to a function; a closed set, fit for a label. */
export type BadInput =
  | 'syntax'
  | 'too-large'
  | 'not-utf8'
  | 'forged-sender'
  | 'content-type'
  | 'scheme'
  | 'loop'
  | 'untrusted'
  | 'unregistered'
  | 'credentials'

/** What the edge counts. Every value is from a closed set. */
export interface SipMetrics {
  requestIn(method: string, status: number, ms: number): void
  requestOut(method: string, outcome: OutcomeClass, ms: number): void
  badInput(why: BadInput): void
  /** The control link to the SIP server came up or went down. */
  link(state: 'up' | 'down'): void
}
