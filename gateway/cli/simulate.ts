import { z } from 'zod'
import type { Simulator } from '../../adapters/contract/index.js'
import { BUILT_IN, loadModule } from '../config/adapters.js'
import { expectation } from '../config/issues.js'
import { configSchema } from '../config/schema.js'
import { type SchemaNode, schemaTree } from '../config/schema-tree.js'
import { createLog } from '../observe/log.js'
import type { AddCommand } from './program.js'
import { CommandError, EXIT, type ExitCode, type Terminal, wrongUsage } from './terminal.js'

export const simulateCommand: AddCommand = (program, terminal, done) => {
  program
    .command('simulate')
    .description('Run a simulated peer of a service, to try the gateway against. Without a name: list them.')
    .argument('[name]', 'simulator, e.g. smsc')
    .argument('[options...]', 'options of the simulator, --key value; NAME --help lists them')
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
  if (!simulator) throw wrongUsage(`expected a simulator (${[...simulators.keys()].join(', ')}), found ${name}`)
  const tree = schemaTree(simulator.options)
  if (args.includes('--help') || args.includes('-h')) {
    terminal.out(`${simulator.summary}\n\nOptions:`)
    for (const [key, option] of Object.entries(tree.properties ?? {})) terminal.out(optionLine(key, option))
    return EXIT.ok
  }
  const options = readOptions(args)
  const unknown = Object.keys(options).find((key) => tree.properties?.[key] === undefined)
  if (unknown !== undefined) {
    throw wrongUsage(`${name} has no option --${unknown}; causeway simulate ${name} --help lists them`)
  }
  const log = createLog(configSchema.parse({}).observe)
  try {
    await simulator.run(options, log, terminal.interrupted())
  } catch (error) {
    if (error instanceof z.ZodError)
      throw wrongUsage(error.issues.map((issue) => wrongOption(issue, options)).join('\n'))
    throw new CommandError(`${name} cannot run: ${error instanceof Error ? error.message : String(error)}`)
  }
  return EXIT.ok
}

/** One option that cannot be, in words for whoever typed it. */
function wrongOption(issue: z.core.$ZodIssue, options: Readonly<Record<string, string>>): string {
  const key = issue.path.join('.')
  return `--${key} ${options[key] ?? ''}: ${expectation(issue)}`
}

const KEY_WIDTH = 18

function optionLine(key: string, { description = '', default: value, enum: values }: SchemaNode): string {
  const choice = values === undefined ? '' : ` One of ${values.join(', ')}.`
  const standard = value === undefined ? '' : ` (default ${String(value)})`
  return `  ${`--${key}`.padEnd(KEY_WIDTH)}  ${description}${choice}${standard}`
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
    if (key === undefined) throw wrongUsage(`expected --key value, found ${args[at]}`)
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
