import { parseFeatures } from '../cpm/features.js'
import type { ContactInfo, Reginfo } from '../cpm/reginfo.js'
import type { Device } from './port.js'

/** What the registration events of an external core have told about a user: plain JSON in a note. */
export interface DeviceTable {
  /** Versions count within a subscription (RFC 3680 §5.1). */
  readonly subscription: string
  readonly version: number
  readonly contacts: readonly KnownContact[]
  /** ms since 1970 of the last document, or of the news that he is gone. */
  readonly toldAt: number
}

interface KnownContact {
  /** Registration and contact, as their ids name them. */
  readonly id: string
  /** Changes whenever the device registers again. */
  readonly registration: string
  readonly device: Device
}

export type TableChange =
  /** `available`: a device registered or refreshed. */
  | { readonly kind: 'changed'; readonly table: DeviceTable; readonly available: boolean }
  | { readonly kind: 'old' | 'incomplete' }

/** Devices of a user at most: what is beyond is not believed. */
const MAX_CONTACTS = 200
/** A contact that says nothing of its end lives until it is told otherwise. */
const LONG_S = 7 * 86_400

/**
 * What a document makes of the table (RFC 3680 §5.1): older changes count for nothing, and a gap asks for the whole state.
 * COMPAT(Kamailio 5.6, 2022): it numbers every full document 0. One is taken whatever its number, since the CSeq of its NOTIFY
 * was new. Pure.
 */
export function applyReginfo(
  table: DeviceTable | undefined,
  { version, state, registrations }: Reginfo,
  subscription: string,
  now: number,
): TableChange {
  const before = table?.subscription === subscription ? table : undefined
  if (state === 'partial' && before && version <= before.version) return { kind: 'old' }
  if (state === 'partial' && version - 1 !== before?.version) return { kind: 'incomplete' }
  const contacts = new Map(state === 'full' ? [] : before?.contacts.map((known) => [known.id, known]))
  for (const registration of registrations) {
    if (registration.state === 'terminated') {
      for (const id of contacts.keys()) if (id.startsWith(`${registration.id} `)) contacts.delete(id)
    }
    for (const contact of registration.contacts) {
      const id = `${registration.id} ${contact.id}`
      if (contact.state === 'active') contacts.set(id, known(id, contact, now))
      else contacts.delete(id)
    }
  }
  const all = [...contacts.values()].slice(0, MAX_CONTACTS)
  const registered = new Set(table?.contacts.map(({ id, registration }) => `${id} ${registration}`))
  return {
    kind: 'changed',
    table: { subscription, version, contacts: all, toldAt: now },
    available: all.some(({ id, registration }) => !registered.has(`${id} ${registration}`)),
  }
}

/** Devices by their Contact: every registration of an implicit set names the same ones (`ID-04`, `ID-15`). */
export function devicesOf({ contacts }: DeviceTable): readonly Device[] {
  return [...new Map(contacts.map(({ device }) => [device.contact, device])).values()]
}

function known(id: string, contact: ContactInfo, now: number): KnownContact {
  const { uri, q, expires, event, callId, cseq, parameters } = contact
  const text = parameters.map(([name, value]) => (value === true ? `;${name}` : `;${name}=${value}`)).join('')
  const features = parseFeatures(text) ?? {}
  const instance = /^<([^<>]+)>$/.exec(String(features['+sip.instance'] ?? ''))?.[1]
  return {
    id,
    registration: callId === undefined ? event : `${callId} ${cseq}`,
    device: {
      contact: uri,
      features,
      q: q ?? 1,
      expiresAt: now + (expires ?? LONG_S) * 1000,
      ...(instance !== undefined && { instance }),
    },
  }
}
