import { loadConfig, problemLine } from '../config/load.js'
import { createLog } from '../observe/log.js'
import { readDuration } from './duration.js'
import type { AddCommand } from './program.js'
import { EXIT, type ExitCode, fired, type Terminal } from './terminal.js'

/** Time for what is under way, where `--drain` says nothing. */
const DRAIN_MS = 10_000
/** Time to close sockets once the drain time is over. */
const CLOSE_MS = 3_000

export const runCommand: AddCommand = (program, terminal, done) => {
  program
    .command('run')
    .description(
      'Run the gateway. Without --config everything is embedded and listens on loopback only.\n' +
        'SIGTERM or SIGINT finishes what is under way; a second one ends at once.',
    )
    .option('-c, --config <file>', 'configuration file')
    .option('--drain <duration>', 'longest time to finish what is under way (default 10s)', readDuration)
    .action(async ({ config, drain = DRAIN_MS }: { config?: string; drain?: number }) =>
      done(await run(config, drain, terminal)),
    )
}

/** Runs until it is told to stop. Logs `ready` with the addresses it listens on, then `stopping` and `stopped`. */
async function run(file: string | undefined, drainMs: number, terminal: Terminal): Promise<ExitCode> {
  const stop = terminal.interrupted()
  const loaded = await loadConfig(file, terminal.env)
  const log = createLog(loaded.config.observe)
  for (const problem of loaded.advice) log.warn({ advice: problemLine(problem) }, 'configuration advice')
  const { startAppliance } = await import('../appliance.js') // only here: other commands start without the whole gateway
  const starting = startAppliance(loaded, { log }).catch((error: unknown) => {
    log.fatal({ err: error }, 'cannot start')
  })
  const givenUp = fired(stop).then(() => fired(AbortSignal.timeout(drainMs)))
  const appliance = await Promise.race([starting, givenUp])
  if (!appliance) return EXIT.failed
  log.info({ node: loaded.config.node, ...appliance.ready }, 'ready')
  const broken = await Promise.race([fired(stop), appliance.fatal])
  if (broken) log.fatal({ err: broken }, 'a part ended by itself')
  log.info({ drainMs, ...(broken ? {} : { signal: String(stop.reason) }) }, 'stopping')
  const stopped = appliance.stop(AbortSignal.timeout(drainMs)).then(() => true)
  const overdue = fired(AbortSignal.timeout(drainMs + CLOSE_MS)).then(() => false)
  if (await Promise.race([stopped, overdue])) log.info('stopped')
  else log.error('a part did not close in time')
  return broken ? EXIT.failed : EXIT.ok
}
