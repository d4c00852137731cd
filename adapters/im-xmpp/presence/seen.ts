import type { Device } from '../mapping/presence.js'
import type { Component } from '../stream/component.js'
import type { Pair } from './pair.js'

/** What is seen of devices at the moment; lost with the process, and asked for again then. */
export interface Seen {
  here(ours: string, theirs: string, resource: string, device: Device): void
  /** One device is gone, or without a resource all of them. */
  gone(ours: string, theirs: string, resource: string | undefined): void
  devices(ours: string, theirs: string): Iterable<Device>
  /** Ours watches theirs. */
  watch(pair: Pair): void
  /** Ours does not watch theirs any more. */
  forget(ours: string, theirs: string): void
  /** All who are watched by way of a component. */
  watched(component: Component): readonly Pair[]
  /** He has been shown our user with this picture, or without any. */
  showIcon(ours: string, theirs: string, icon: string | undefined): void
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

export function createSeen(): Seen {
  const devices = new Map<string, Map<string, Device>>()
  const watched = new Map<string, Pair>()
  const icons = new Map<string, string>()
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
    watch: (pair) => put(watched, key(pair.ours, pair.theirs), pair),
    forget(ours, theirs) {
      devices.delete(key(ours, theirs))
      watched.delete(key(ours, theirs))
    },
    watched: (component) => [...watched.values()].filter((pair) => pair.component === component),
    showIcon(ours, theirs, icon) {
      if (icon === undefined) icons.delete(key(ours, theirs))
      else put(icons, key(ours, theirs), icon)
    },
    icon: (ours, theirs) => icons.get(key(ours, theirs)),
  }
}
