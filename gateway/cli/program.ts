import { Command, CommanderError } from 'commander'
import { ConfigError, problemLine } from '../config/load.js'
import { checkCommand } from './check.js'
import { failedCommand } from './failed.js'
import { listenCommand } from './listen.js'
import { recallCommand } from './recall.js'
import { runCommand } from './run.js'
import { sendCommand } from './send.js'
import { simulateCommand } from './simulate.js'
import { CommandError, EXIT, type Terminal } from './terminal.js'
import { traceCommand } from './trace.js'
import { userCommand } from './user-preferences.js'

/** Adds one command; its action hands the exit code to `done`. */
export type AddCommand = (program: Command, terminal: Terminal, done: (code: number) => void) => void

const COMMANDS: readonly AddCommand[] = [
  runCommand,
  checkCommand,
  sendCommand,
  listenCommand,
  traceCommand,
  failedCommand,
  recallCommand,
  userCommand,
  simulateCommand,
]

/** Runs one command line (without the program's own name) and resolves with its exit code. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  let code: number = EXIT.ok
  const program = new Command('causeway')
    .description('Interworking gateway between OMA CPM (RCS) and SMS, MMS and XMPP.')
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.error(text.trimEnd()),
    })
    .exitOverride()
    .enablePositionalOptions()
    .showHelpAfterError('(causeway COMMAND --help tells more)')
  const add = (command: AddCommand) =>
    command(program, terminal, (ended) => {
      code = ended
    })
  COMMANDS.forEach(add)
  for (const command of program.commands) command.copyInheritedSettings(program)
  try {
    await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    return explain(error, terminal)
  }
}

function explain(error: unknown, terminal: Terminal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  if (error instanceof ConfigError) {
    for (const problem of error.problems) terminal.error(problemLine(problem))
    return EXIT.failed
  }
  if (error instanceof CommandError) {
    terminal.error(error.message)
    return error.exitCode
  }
  throw error
}
