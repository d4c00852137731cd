import { normalUri, type UriOptions } from '../cpm/address.js'
import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import { parseReginfo, REGINFO_TYPE, type Reginfo } from '../cpm/reginfo.js'
import type { Notification, NotificationVerdict } from '../events/package.js'
import type { Subscriber } from '../events/subscriber.js'
import type { EventPort, ThirdPartyRegistration } from '../sip/port.js'
import type { Announcements } from '../spool/announcements.js'
import type { NoteStore } from '../spool/spool.js'
import { applyReginfo, type DeviceTable, devicesOf } from './device-table.js'
import type { Registrations } from './port.js'
import { onAvailable, tellAvailable } from './registrations.js'

export interface WatchedRegistrationsOptions extends UriOptions {
  readonly domain: string
  /** When a user is watched: once the core tells of him, or at the first request for him, too (`FLOW-01a`). */
  readonly subscribeOn: 'third-party-register' | 'first-request'
  readonly subscriber: Subscriber
  readonly port: Pick<EventPort, 'onThirdPartyRegister'>
  readonly notes: NoteStore
  readonly announcements: Announcements
  readonly clock: Clock
}

/** RFC 3680 §4.4. */
const EXPIRES_S = 3761
const LIFE_MS = 8 * 86_400_000
/** That a user has no device is believed for a day: the news of his return may have got lost. */
const ABSENCE_MS = 86_400_000

/**
 * The devices of an external core's users, from its registration events: a third-party REGISTER tells that somebody is there
 * (`REG-16`), a subscription to his address who exactly (`REG-17`, `REGEV-02`, `REGEV-05`). Tables lie in notes, so that all
 * nodes know them.
 */
export function createWatchedRegistrations(options: WatchedRegistrationsOptions): Registrations {
  const { domain, subscriber, port, notes, announcements, clock } = options

  const watched = subscriber.add({
    name: 'reg',
    contentType: REGINFO_TYPE,
    expiresSeconds: EXPIRES_S,
    notified,
    ended: (resource) => update(resource, (table) => (table?.contacts.length === 0 ? table : undefined)),
  })

  const update = (resource: Uri, change: (table: DeviceTable | undefined) => DeviceTable | undefined): Promise<void> =>
    notes.update<DeviceTable, void>(tableKey(resource), LIFE_MS, (table) => ({
      next: change(table),
      result: undefined,
    }))

  /** The address by which a user is watched, if by another than this one. */
  async function resourceOf(address: Uri): Promise<Uri> {
    return ((await notes.get(aliasKey(address))) as Uri | undefined) ?? address
  }

  async function remember(resource: Uri, addresses: readonly Uri[]): Promise<void> {
    const others = addresses.filter((address) => address !== resource)
    await Promise.all(others.map((address) => notes.put({ key: aliasKey(address), value: resource, lifeMs: LIFE_MS })))
  }

  async function thirdParty({ user, addresses, server, expiresSeconds }: ThirdPartyRegistration): Promise<void> {
    const resource = await resourceOf(user)
    await remember(resource, addresses)
    if (expiresSeconds === 0) {
      await update(resource, (table) => table && { ...table, contacts: [], toldAt: clock.now() })
      return
    }
    await watched.watch(resource, identityFor(server))
    for (const address of addresses) tellAvailable(announcements, address)
  }

  /** The core knows us by the name it called us. */
  const identityFor = (server: string): string => /^sips?:[^;?<>\s]+/i.exec(server)?.[0] ?? `sip:${domain}`

  async function notified({ resource, subscription, body }: Notification): Promise<NotificationVerdict> {
    const reginfo = parseReginfo(body)
    if ('kind' in reginfo) return { kind: 'faulty', said: reginfo.said }
    const change = await notes.update<DeviceTable, ReturnType<typeof applyReginfo>>(
      tableKey(resource),
      LIFE_MS,
      (table) => {
        const result = applyReginfo(table, reginfo, subscription, clock.now())
        return { next: result.kind === 'changed' ? result.table : table, result }
      },
    )
    if (change.kind !== 'changed') return { kind: change.kind === 'old' ? 'taken' : 'incomplete' }
    const addresses = addressesIn(reginfo)
    await remember(resource, addresses)
    if (change.available) for (const address of new Set([resource, ...addresses])) tellAvailable(announcements, address)
    return { kind: 'taken' }
  }

  const addressesIn = ({ registrations }: Reginfo): readonly Uri[] =>
    registrations.flatMap(({ aor }) => normalUri(aor, options) ?? [])

  port.onThirdPartyRegister(thirdParty)

  return {
    async devices(user) {
      const resource = await resourceOf(user)
      const text = await notes.get(tableKey(resource))
      if (text === undefined) {
        if (options.subscribeOn === 'first-request') await watched.watch(resource, `sip:${domain}`)
        return 'unknown'
      }
      const table: DeviceTable = JSON.parse(text)
      if (table.contacts.length === 0 && table.toldAt + ABSENCE_MS < clock.now()) return 'unknown'
      return devicesOf(table)
    },
    onAvailable: (listener) => onAvailable(announcements, listener),
  }
}

const tableKey = (resource: Uri): string => `devices:${resource}`
const aliasKey = (address: Uri): string => `devices-of:${address}`
