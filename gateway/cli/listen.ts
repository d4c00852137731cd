import { loadConfig } from '../config/load.js'
import type { CpmMessage } from '../cpm/message.js'
import type { AddCommand } from './program.js'
import { EXIT, type ExitCode, fired, printable, type Terminal } from './terminal.js'
import { connectUser } from './user.js'

interface ListenFlags {
  readonly as: string
  readonly displayed?: true
  readonly config?: string
}

export const listenCommand: AddCommand = (program, terminal, done) => {
  program
    .command('listen')
    .description('Register as a user at the gateway on this machine and print what comes, until interrupted.')
    .requiredOption('-a, --as <user>', 'user under `users` of the configuration')
    .option('--displayed', 'tell senders who ask for it that their message was displayed')
    .option('-c, --config <file>', 'configuration of the running gateway')
    .action(async (flags: ListenFlags) => done(await listen(flags, terminal)))
}

async function listen(flags: ListenFlags, terminal: Terminal): Promise<ExitCode> {
  const stop = terminal.interrupted()
  const { config } = await loadConfig(flags.config, terminal.env)
  const received: CpmMessage[] = []
  let show = (message: CpmMessage): void => void received.push(message) // what comes while still registering
  const user = await connectUser(config, flags.as, {
    onMessage: (message) => show(message),
    onNotification: ({ disposition, messageId, recipient }) =>
      terminal.out(`${disposition.kind} ${disposition.status}  ${printable(recipient)}  message ${messageId}`),
  })
  show = (message) => {
    terminal.out(messageLine(message))
    if (flags.displayed)
      user.agent.displayed(message).catch((error) => terminal.error(`display report not sent: ${String(error)}`))
  }
  terminal.out(`${user.agent.uri} is registered and listens`)
  received.forEach(show)
  await fired(stop)
  await user.stop()
  return EXIT.ok
}

function messageLine({ content, conversationId, contributionId, from, service }: CpmMessage): string {
  const said =
    'text' in content ? printable(content.text) : `(${content.type}, ${content.base64.length} characters of base64)`
  const identities = [
    service && `by ${service}`,
    conversationId && `conversation ${conversationId}`,
    contributionId && `contribution ${contributionId}`,
  ].filter(Boolean)
  return `${from}: ${said}${identities.length > 0 ? `  (${identities.join(', ')})` : ''}`
}
