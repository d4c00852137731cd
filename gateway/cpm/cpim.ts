import type { MimePart } from './mime.js'

export const CPIM_NAMESPACE = 'urn:ietf:params:cpim-headers:'
export const IMDN_NAMESPACE = 'urn:ietf:params:imdn'

export interface CpimAddress {
  readonly name?: string
  readonly uri: string
}
/** A message header outside the core ones; `namespace` is the URI its prefix was bound to. */
export interface CpimHeader {
  readonly namespace: string
  readonly name: string
  readonly value: string
}
export interface Cpim {
  readonly kind: 'cpim'
  readonly from: CpimAddress
  readonly to: readonly CpimAddress[]
  readonly cc: readonly CpimAddress[]
  /** Milliseconds since 1970. */
  readonly dateTime?: number
  readonly subject?: string
  readonly headers: readonly CpimHeader[]
  readonly content: MimePart
}
export interface CpimFault {
  readonly kind: 'fault'
  readonly fault: 'malformed' | 'not-utf8' | 'too-large' | 'not-understood'
  readonly said: string
}
export interface CpimLimits {
  readonly headers: number
  readonly headerBytes: number
  readonly headBytes: number
}
export function parseCpim(_body: string, _limits?: CpimLimits): Cpim | CpimFault {
  throw new Error('signature only')
}
export function buildCpim(_cpim: Omit<Cpim, 'kind'>): string {
  throw new Error('signature only')
}
