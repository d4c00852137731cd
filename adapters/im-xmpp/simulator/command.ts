import { once } from 'node:events'
import type { Simulator } from '../../contract/index.js'
import { MAGIC_USERS } from './magic.js'
import { serverOptionsSchema } from './options.js'
import { startXmppServer } from './server.js'

const SAY_EVERY_MS = 10_000

const commandOptionsSchema = serverOptionsSchema.extend({
  port: serverOptionsSchema.shape.port.unwrap().default(5347).meta({ description: 'Port; 0 lets the system choose.' }),
})

/** `causeway simulate xmpp`: an XMPP server to try the adapter against. */
export const xmppSimulator: Simulator = {
  summary: 'XMPP server for components (XEP-0114) whose users answer by themselves; names such as busy@ force outcomes',
  options: commandOptionsSchema,
  async run(options, log, stop) {
    const server = await startXmppServer(commandOptionsSchema.parse(options))
    log.info({ port: server.port }, 'XMPP server listens')
    for (const [name, { says }] of Object.entries(MAGIC_USERS)) log.info(`${name}@: ${says}`)
    server.events.on('component', (domain) => log.info({ domain }, 'component connected'))
    server.events.on('message', ({ from, to, id }) => log.debug({ from, to, id }, 'message'))
    const ticker = setInterval(() => log.info({ ...server.counts }, 'so far'), SAY_EVERY_MS)
    if (!stop.aborted) await once(stop, 'abort')
    clearInterval(ticker)
    await server.stop()
  },
}
