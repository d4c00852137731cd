import type { Socket } from 'node:net'

/** Connections that came in, by where they came from. */
export interface Sources {
  /** Counts it until it is closed; false: its source has as many as it may have. */
  admit(socket: Socket): boolean
}

/** `isUnlimited`: by address, for those who speak for many. */
export function createSources(most: number, isUnlimited: (host: string) => boolean): Sources {
  const open = new Map<string, number>()

  function change(source: string, by: 1 | -1): void {
    const count = (open.get(source) ?? 0) + by
    if (count > 0) open.set(source, count)
    else open.delete(source)
  }

  return {
    admit(socket) {
      const host = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, '')
      const source = sourceOf(host)
      if ((open.get(source) ?? 0) >= most && !isUnlimited(host)) return false
      change(source, 1)
      socket.once('close', () => change(source, -1))
      return true
    },
  }
}

/** An IPv6 host chooses among 2^64 addresses of its own: there the /64 is the source. */
export function sourceOf(host: string): string {
  if (!host.includes(':')) return host
  const [head = '', tail = ''] = host.replace(/%.*$/, '').toLowerCase().split('::')
  const [front, back] = [head, tail].map((part) => part.split(':').filter((group) => group !== ''))
  const missing = 8 - (front?.length ?? 0) - (back?.length ?? 0)
  const groups = [...(front ?? []), ...Array<string>(Math.max(missing, 0)).fill('0'), ...(back ?? [])]
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}
