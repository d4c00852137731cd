import type { Device } from '../mapping/presence.js'

/** What is seen of devices at the moment; lost with the process, and asked for again then. */
export interface Seen {
  here(ours: string, theirs: string, resource: string, device: Device): void
  /** One device is gone, or without a resource all of them. */
  gone(ours: string, theirs: string, resource: string | undefined): void
  devices(ours: string, theirs: string): Iterable<Device>
  forget(ours: string, theirs: string): void
  /** Resources of our user that he has been shown as available. */
  shown(ours: string, theirs: string): ReadonlySet<string>
  show(ours: string, theirs: string, resources: ReadonlySet<string>, icon?: string): void
  /** Link to a picture of our user that he has been shown. */
  icon(ours: string, theirs: string): string | undefined
}

const PAIRS = 100_000
const RESOURCES = 20

/** Keeps the latest `PAIRS` entries. */
function put<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= PAIRS) return
  const [oldest] = map.keys()
  if (oldest !== undefined) map.delete(oldest)
}

const NOTHING: ReadonlySet<string> = new Set()

export function createSeen(): Seen {
  const devices = new Map<string, Map<string, Device>>()
  const shown = new Map<string, { readonly resources: ReadonlySet<string>; readonly icon?: string | undefined }>()
  const key = (ours: string, theirs: string) => `${ours}|${theirs}`
  return {
    here(ours, theirs, resource, device) {
      const known = devices.get(key(ours, theirs)) ?? new Map<string, Device>()
      if (known.size < RESOURCES || known.has(resource)) known.set(resource, device)
      put(devices, key(ours, theirs), known)
    },
    gone(ours, theirs, resource) {
      if (resource === undefined) devices.delete(key(ours, theirs))
      else devices.get(key(ours, theirs))?.delete(resource)
    },
    devices: (ours, theirs) => devices.get(key(ours, theirs))?.values() ?? [],
    forget(ours, theirs) {
      devices.delete(key(ours, theirs))
    },
    shown: (ours, theirs) => shown.get(key(ours, theirs))?.resources ?? NOTHING,
    show(ours, theirs, resources, icon) {
      if (resources.size === 0) shown.delete(key(ours, theirs))
      else put(shown, key(ours, theirs), { resources, icon })
    },
    icon: (ours, theirs) => shown.get(key(ours, theirs))?.icon,
  }
}
