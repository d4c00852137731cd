import { z } from 'zod'
import type { Simulator } from '../../adapters/contract/index.js'
import { BUILT_IN, loadModule } from '../config/adapters.js'
import { configSchema } from '../config/schema.js'
import { createLog } from '../observe/log.js'
import type { AddCommand } from './program.js'
import { CommandError, EXIT, type ExitCode, type Terminal } from './terminal.js'

export const simulateCommand: AddCommand = (program, terminal, done) => {
  program
    .command('simulate')
    .description('Run a simulated peer of a service, to try the gateway against. Without a name: list them.')
    .argument('[name]', 'simulator, e.g. smsc')
    .argument('[options...]', 'options of the simulator, --key value')
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (name: string | undefined, options: string[]) => done(await simulate(name, options, terminal)))
}

async function simulate(name: string | undefined, args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const simulators = await builtInSimulators()
  if (name === undefined) {
    for (const [known, { summary }] of simulators) terminal.out(`${known}  ${summary}`)
    return EXIT.ok
  }
  const simulator = simulators.get(name)
  if (!simulator) throw new CommandError(`expected a simulator (${[...simulators.keys()].join(', ')}), found ${name}`)
  const options = readOptions(args)
  const log = createLog(configSchema.parse({}).observe)
  try {
    await simulator.run(options, log, terminal.interrupted())
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error)
    throw new CommandError(`${name} cannot run: ${why}`)
  }
  return EXIT.ok
}

async function builtInSimulators(): Promise<ReadonlyMap<string, Simulator>> {
  const modules = await Promise.all(BUILT_IN.map(loadModule))
  return new Map(modules.flatMap(({ simulators }) => Object.entries(simulators ?? {})))
}

/** `--key value` or `--key=value`; a key without value is `true`. Throws CommandError. */
export function readOptions(args: readonly string[]): Readonly<Record<string, string>> {
  const options: Record<string, string> = {}
  for (let at = 0; at < args.length; at++) {
    const { key, value } = /^--(?<key>[A-Za-z][\w-]*)(?:=(?<value>.*))?$/s.exec(args[at] ?? '')?.groups ?? {}
    if (key === undefined) throw new CommandError(`expected --key value, found ${args[at]}`)
    const next = args[at + 1]
    if (value !== undefined) options[key] = value
    else if (next === undefined || next.startsWith('--')) options[key] = 'true'
    else {
      options[key] = next
      at++
    }
  }
  return options
}
