import type { Link, LinkOptions } from './link.js'
import { openLink } from './open-link.js'

/** A link to the SIP server that comes back after it was lost. */
export interface KeptLink {
  /** Resolves at the first connection; tries until then. Rejects only when stopped before. */
  start(): Promise<void>
  stop(): void
  /** Undefined while it is down. */
  current(): Link | undefined
}

const CONNECT_TIMEOUT_MS = 5_000
const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 2_000
const WATCH_EVERY_MS = 10_000
const WATCH_TIMEOUT_MS = 5_000

/**
 * A frame that every server refuses by itself, so that the refusal proves that it lives: a body needs a Content-Type. A ping
 * would not do, because drachtio-srf does not tell when none comes back.
 */
const PROBE = { method: 'MESSAGE', uri: 'sip:probe@127.0.0.1:9', headers: {}, body: '?' } as const

export function keepLink(options: LinkOptions, onUp: () => void): KeptLink {
  const { clock, log } = options
  let link: Link | undefined
  let stopped = false
  let cancelTimer = (): void => undefined
  let onStop = (): void => undefined

  async function connect(retryMs: number): Promise<void> {
    while (!stopped) {
      try {
        const opened = await openLink({ ...options, onLost: lost }, CONNECT_TIMEOUT_MS)
        if (stopped) return opened.close()
        link = opened
        onUp()
        watch(opened)
        return
      } catch (error) {
        log.warn({ err: error }, 'no link to the SIP server')
      }
      await pause(retryMs)
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)
    }
    throw new Error('stopped before the SIP server could be reached')
  }

  function lost(why: string): void {
    link = undefined
    cancelTimer()
    options.onLost(why)
    connect(FIRST_RETRY_MS).catch((error: unknown) => log.debug({ err: error }, 'no more attempts'))
  }

  function watch(watched: Link): void {
    cancelTimer = clock.after(WATCH_EVERY_MS, () => {
      watched.request(PROBE, WATCH_TIMEOUT_MS).then((outcome) => {
        if (link !== watched) return
        if (outcome.kind !== 'lost') return watch(watched)
        watched.close()
        lost('the SIP server does not answer')
      })
    })
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      onStop = resolve
      clock.after(ms, resolve)
    })
  }

  return {
    start: () => connect(FIRST_RETRY_MS),
    stop() {
      stopped = true
      cancelTimer()
      onStop()
      link?.close()
      link = undefined
    },
    current: () => link,
  }
}
