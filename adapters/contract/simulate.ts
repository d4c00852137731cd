import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Logger } from 'pino'

/** What simulators share on the command line. */

const SAY_EVERY_MS = 10_000
const MAX_FIRST_ID = 1_000_000_000

/** Number of the first message id of a run: those of a service do not come again when it restarts, the gateway still knows them. */
export const freshId = (): number => Math.floor(Date.now() / 100) % MAX_FIRST_ID

/** Options as given, certificate and key (which are named as files) read. Throws when one cannot be read. */
export function withPem(options: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const files = ['cert', 'key'].flatMap((name) => {
    const file = options[name]
    return file === undefined ? [] : [[name, readFileSync(file, 'utf8')]]
  })
  return { ...options, ...Object.fromEntries(files) }
}

/** Waits until `stop` fires; writes every now and then how far it has come. */
export async function runUntil(stop: AbortSignal, log: Logger, soFar: () => object): Promise<void> {
  const ticker = setInterval(() => log.info(soFar(), 'so far'), SAY_EVERY_MS)
  if (!stop.aborted) await once(stop, 'abort')
  clearInterval(ticker)
}
