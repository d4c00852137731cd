import { escapeXml } from './xml.js'

/** Watcher information (RFC 3858), media type application/watcherinfo+xml. */
export const WATCHERINFO_TYPE = 'application/watcherinfo+xml'

/** One subscription to a resource, as its owner sees it. */
export interface WatcherInfo {
  readonly id: string
  readonly uri: string
  readonly status: 'pending' | 'active' | 'waiting' | 'terminated'
  readonly event: string
  /** What is left of it, seconds. */
  readonly expires?: number
  /** Seconds since it began. */
  readonly duration?: number
}

export interface Watcherinfo {
  readonly version: number
  readonly state: 'full' | 'partial'
  readonly resource: string
  /** The event package that is watched. */
  readonly package: string
  readonly watchers: readonly WatcherInfo[]
}

/** The document as text. Ids are written as they are and must be XML tokens. */
export function buildWatcherinfo({ version, state, resource, package: name, watchers }: Watcherinfo): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>\n',
    `<watcherinfo xmlns="urn:ietf:params:xml:ns:watcherinfo" version="${version}" state="${state}">`,
    `<watcher-list resource="${escapeXml(resource)}" package="${escapeXml(name)}">`,
    ...watchers.map(buildWatcher),
    '</watcher-list></watcherinfo>\n',
  ].join('')
}

function buildWatcher({ id, uri, status, event, expires, duration }: WatcherInfo): string {
  const left = expires === undefined ? '' : ` expiration="${expires}"`
  const since = duration === undefined ? '' : ` duration-subscribed="${duration}"`
  return `<watcher id="${id}" status="${status}" event="${event}"${left}${since}>${escapeXml(uri)}</watcher>`
}
