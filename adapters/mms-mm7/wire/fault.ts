/** How a request speaks, so that its answer can speak alike. */
export interface Dialect {
  /** Namespace of the SOAP envelope. */
  readonly soapNamespace: string
  /** Namespace of the MM7 elements. */
  readonly namespace: string
  /** Prefix of the MM7 elements; empty: none. */
  readonly prefix: string
  /** MM7Version. */
  readonly version: string
}

/** What is wrong with a message, and what of it can still be used to answer. */
export interface Mm7Fault {
  readonly kind: 'fault'
  /** For counters: a closed list. */
  readonly fault: 'malformed' | 'unsafe-xml' | 'too-large' | 'too-deep' | 'unknown-operation' | 'content-missing'
  /** StatusCode of the error answer (TS 23.140 §8.7.8.4). */
  readonly status: number
  readonly said: string
  readonly transactionId?: string
  readonly dialect?: Dialect
}

/** StatusCodes that we ourselves answer or look for. */
export const STATUS = {
  success: 1000,
  contentRefused: 2004,
  messageIdNotFound: 2005,
  linkedIdNotFound: 2006,
  formatCorrupt: 2007,
  serverError: 3000,
  manyAddresses: 3003,
  improperIdentification: 4001,
  unsupportedOperation: 4003,
  validationError: 4004,
} as const

export const fault = (kind: Mm7Fault['fault'], status: number, said: string): Mm7Fault => ({
  kind: 'fault',
  fault: kind,
  status,
  said,
})

export const isFault = (value: object): value is Mm7Fault => 'kind' in value && value.kind === 'fault'
