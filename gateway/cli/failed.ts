import { loadConfig } from '../config/load.js'
import type { FailedView } from '../http/admin.js'
import { askGateway } from './admin-client.js'
import type { AddCommand } from './program.js'
import { EXIT, type ExitCode, printable, type Terminal } from './terminal.js'

export const failedCommand: AddCommand = (program, terminal, done) => {
  program
    .command('failed')
    .description(
      'List the failed set, work that could not be finished again and again, the latest first: when, id, lane, attempts, ' +
        'reason. (A message that a service refused is not there: `causeway trace` tells why.)',
    )
    .option('-c, --config <file>', 'configuration of the running gateway')
    .action(async ({ config }: { config?: string }) => done(await failed(config, terminal)))
}

async function failed(file: string | undefined, terminal: Terminal): Promise<ExitCode> {
  const { config } = await loadConfig(file, terminal.env)
  const answer = (await askGateway(config.http, 'failed')) as { readonly failed: readonly FailedView[] } | undefined
  const items = answer?.failed ?? []
  for (const { at, attempts, id, lane, reason } of items)
    terminal.out([new Date(at).toISOString(), id, lane, `${attempts} attempts`, reason].map(printable).join('  '))
  if (items.length === 0) terminal.out('none')
  return EXIT.ok
}
