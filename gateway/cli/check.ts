import { ConfigError, loadConfig, problemLine } from '../config/load.js'
import type { AddCommand } from './program.js'
import { EXIT, type ExitCode, type Terminal } from './terminal.js'

export const checkCommand: AddCommand = (program, terminal, done) => {
  program
    .command('check')
    .description('Check a configuration. Exits with 1 and names every problem as file:line:column key: message.')
    .option('-c, --config <file>', 'the file; without it, the defaults are checked')
    .action(async ({ config }: { config?: string }) => done(await check(config, terminal)))
}

/** Prints every problem, or that there is none, and advice. */
export async function check(file: string | undefined, terminal: Terminal): Promise<ExitCode> {
  try {
    const { advice } = await loadConfig(file, terminal.env)
    for (const problem of advice) terminal.out(`advice: ${problemLine(problem)}`)
    terminal.out(`${file ?? 'the default configuration'} is valid`)
    return EXIT.ok
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) terminal.out(problemLine(problem))
    return EXIT.failed
  }
}
