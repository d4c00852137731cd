import { loadConfig } from '../config/load.js'
import type { Checkpoint } from '../observe/checkpoint.js'
import { ladder } from '../observe/ladder.js'
import { askGateway } from './admin-client.js'
import type { AddCommand } from './program.js'
import { EXIT, type ExitCode, type Terminal } from './terminal.js'

interface TraceFlags {
  readonly json?: true
  readonly config?: string
}

export const traceCommand: AddCommand = (program, terminal, done) => {
  program
    .command('trace')
    .description('Show what happened to a message, a session or all of a conversation, as a ladder.')
    .argument('<id>', 'Message-ID or Conversation-ID, as `causeway send` prints it; of a session its Contribution-ID')
    .option('--json', 'print the checkpoints as JSON, one on a line')
    .option('-c, --config <file>', 'configuration of the running gateway')
    .action(async (id: string, flags: TraceFlags) => done(await trace(id, flags, terminal)))
}

async function trace(id: string, flags: TraceFlags, terminal: Terminal): Promise<ExitCode> {
  const { config } = await loadConfig(flags.config, terminal.env)
  const answer = (await askGateway(config.http, `trace/${encodeURIComponent(id)}`)) as
    | { readonly checkpoints: readonly Checkpoint[] }
    | undefined
  if (answer === undefined) {
    terminal.error(`nothing is known of ${id} (any more)`)
    return EXIT.failed
  }
  if (flags.json) for (const checkpoint of answer.checkpoints) terminal.out(JSON.stringify(checkpoint))
  else terminal.out(ladder(answer.checkpoints))
  return EXIT.ok
}
