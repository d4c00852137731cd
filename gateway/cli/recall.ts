import type { Command } from 'commander'
import { loadConfig } from '../config/load.js'
import { normalUri } from '../cpm/address.js'
import type { Recalled } from '../interworking/recall.js'
import { askGateway } from './admin-client.js'
import type { AddCommand } from './program.js'
import { CommandError, EXIT, printable, type Terminal, wrongUsage } from './terminal.js'

interface RecallFlags {
  readonly from?: string
  readonly to?: string
  readonly config?: string
}

type Change = NonNullable<Parameters<typeof askGateway>[2]>

/** `causeway cancel ID` and `causeway replace ID TEXT`: of messages on their way to a service. */
export const recallCommand: AddCommand = (program, terminal, done) => {
  const add = (name: string, description: string): Command =>
    program
      .command(name)
      .description(`${description}\nExits with 0 when that is done, 1 when it is not, and says why.`)
      .argument('<id>', 'Message-ID, as `causeway send` prints it')
      .option('-f, --from <uri>', 'its sender, when the message trace does not know it any more')
      .option('-t, --to <uri>', 'its recipient, of a message that went to a service in place of CPM')
      .option('-c, --config <file>', 'configuration of the running gateway')
  const ask = async (id: string, flags: RecallFlags, change: Change): Promise<void> => {
    terminal.out(await recall(id, flags, change, terminal))
    done(EXIT.ok)
  }
  add('cancel', 'Take back a message that has not been delivered yet, here or at the service that has it.').action(
    (id: string, flags: RecallFlags) => ask(id, flags, { method: 'DELETE' }),
  )
  add('replace', 'Change what a message says that has not been delivered yet.')
    .argument('<text>', 'what it is to say')
    .action((id: string, text: string, flags: RecallFlags) => ask(id, flags, { method: 'PUT', body: { text } }))
}

async function recall(id: string, { from, to, config }: RecallFlags, change: Change, terminal: Terminal) {
  for (const address of [from, to]) {
    if (address !== undefined && normalUri(address) === undefined)
      throw wrongUsage(`expected an address such as sip:alice@cpm.example, found ${address}`)
  }
  const { http } = (await loadConfig(config, terminal.env)).config
  const query = new URLSearchParams({ ...(from && { from }), ...(to && { to }) }).toString()
  const path = `messages/${encodeURIComponent(id)}${query && `?${query}`}`
  const answer = (await askGateway(http, path, change)) as Recalled | undefined
  if (answer === undefined)
    throw new CommandError(
      `no message ${printable(id)} is on its way: it has ended, or is not known (any more). --from names its sender where the ` +
        'trace does not; of messages without reports what is needed is kept with interworking.policies.recall',
    )
  return printable(`done at ${answer.where}: ${answer.said}`)
}
