import type { ServiceId } from './ids.js'

/** Name of the SIP header that carries the non-CPM service identifier (`ID-24`, `MSG-19`). */
export const SERVICE_HEADER = 'Non-CPM-Service'

export interface ServiceIdentifier {
  readonly service: ServiceId
  readonly params: ReadonlyMap<string, string>
}
export function toServiceId(_text: string): ServiceId | undefined {
  throw new Error('signature only')
}
export function parseServiceIdentifier(_value: string): ServiceIdentifier | undefined {
  throw new Error('signature only')
}
export function buildServiceIdentifier(_identifier: ServiceIdentifier): string {
  throw new Error('signature only')
}
