import type { SipServerOptions } from '../../gateway/sip-server/options.js'
import { startSipServerThread } from '../../gateway/sip-server/thread.js'

/** The embedded SIP server in its thread, as the gateway runs it, and nothing else: its CPU time is the process's. */
const SECRET = 'bench'
const options: SipServerOptions = {
  listen: ['udp:127.0.0.1:0'],
  control: { host: '127.0.0.1', port: 0, secret: SECRET },
  maxMessageBytes: 65_536,
}

const server = await startSipServerThread(options)
const sipPort = Number(server.listening[0]?.split(':').at(-1))
console.log(JSON.stringify({ event: 'listening', control: server.control, secret: SECRET, sipPort }))

async function end(): Promise<void> {
  await server.stop()
  process.exit()
}
process.once('SIGTERM', end)
process.stdin.once('end', end).resume()
