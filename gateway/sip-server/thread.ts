import type { SipServer, SipServerOptions } from './options.js'
import { startSipServer } from './server.js'

/** Starts the embedded SIP server in a worker thread of its own; `onExit` of the options hears of its death. */
export function startSipServerThread(options: SipServerOptions): Promise<SipServer> {
  return startSipServer(options)
}
