import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import type { Config } from '../config/schema.js'
import { systemClock } from '../cpm/clock.js'
import type { CpmMessage, DispositionNotification } from '../cpm/message.js'
import { createUserAgent, type UserAgent } from '../sip/user-agent.js'
import { startSipServer } from '../sip-server/server.js'
import { CommandError, wrongUsage } from './terminal.js'

export interface UserHandlers {
  readonly onMessage: (message: CpmMessage) => void
  readonly onNotification: (notification: DispositionNotification) => void
}

export interface ConnectedUser {
  readonly agent: UserAgent
  /** Ends the registration and the sockets. */
  stop(): Promise<void>
}

/** Registers a user of the configuration at the gateway that runs on this machine. */
export async function connectUser(config: Config, name: string, handlers: UserHandlers): Promise<ConnectedUser> {
  const user = config.users[name]
  if (!user) {
    const known = Object.keys(config.users).join(', ') || 'it has none: name another one with --config'
    throw wrongUsage(`expected a user of the configuration (${known}), found ${name}`)
  }
  const secret = randomUUID()
  const server = await startSipServer({
    listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'],
    control: { host: '127.0.0.1', port: 0, secret },
    maxMessageBytes: config.sip.maxMessage,
  })
  const agent = createUserAgent({
    server: { ...server.control, secret },
    user: name,
    password: user.password,
    domain: config.domain,
    coreUri: gatewayUri(config.sip.listen),
    instance: randomUUID(),
    ...handlers,
    clock: systemClock,
    log: pino({ level: 'silent' }),
  })
  const stop = async () => {
    await agent.stop()
    await server.stop()
  }
  try {
    await agent.register()
  } catch (error) {
    await stop()
    const why = withoutWarningCode(error instanceof Error ? error.message : String(error))
    const hint = why.startsWith('503 ') ? ' (is the gateway running?)' : ''
    throw new CommandError(`cannot register ${name} at ${gatewayUri(config.sip.listen)}: ${why}${hint}`)
  }
  return { agent, stop }
}

/** The text of a Warning header (RFC 3261 §20.43) without its code and agent. */
export const withoutWarningCode = (said: string): string => said.replace(/(\(?)\b3\d\d \S+ "(.*)"/, '$1$2')

/** How the gateway's first listener that has a port is reached; TCP where there is a choice, for long messages. */
export function gatewayUri(listen: Config['sip']['listen']): string {
  const fixed = listen.filter((address) => !address.endsWith(':0'))
  const chosen = fixed.find((address) => address.startsWith('tcp:')) ?? fixed[0]
  if (chosen === undefined) throw new CommandError('sip.listen has no fixed port: nobody can know where the gateway is')
  const address = chosen
    .slice(4)
    .replace(/^0\.0\.0\.0:/, '127.0.0.1:')
    .replace(/^\[::\]:/, '[::1]:')
  return `sip:${address};transport=${chosen.slice(0, 3)}`
}
