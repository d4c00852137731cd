import type { ServiceId } from './ids.js'

/** Name of the SIP header that carries the non-CPM service identifier (`ID-07`, `MSG-19`). */
export const SERVICE_HEADER = 'Non-CPM-Service'

export interface ServiceIdentifier {
  readonly service: ServiceId
  /** Opaque, for the gateway's own use; names in lower case, '' for a parameter without value. */
  readonly params: ReadonlyMap<string, string>
}

const serviceToken = /^[a-z0-9-]{1,32}$/
const MAX_VALUE = 512
const param = /^\s*([\w.!%*+`'~-]+)\s*(?:=\s*([\w.!%*+`'~-]+)\s*)?$/

/** The text as service identifier: 1 to 32 of `a-z`, `0-9`, `-`. */
export function toServiceId(text: string): ServiceId | undefined {
  return serviceToken.test(text) ? (text as ServiceId) : undefined
}

/** Reads `token *(";" name ["=" token])`; undefined for anything else, a list of services included. */
export function parseServiceIdentifier(value: string): ServiceIdentifier | undefined {
  if (value.length > MAX_VALUE) return undefined
  const [first = '', ...rest] = value.split(';')
  const service = toServiceId(first.trim().toLowerCase())
  if (service === undefined) return undefined
  const params = new Map<string, string>()
  for (const text of rest) {
    const [, name, content = ''] = param.exec(text) ?? []
    if (name === undefined || params.has(name.toLowerCase())) return undefined
    params.set(name.toLowerCase(), content)
  }
  return { service, params }
}
