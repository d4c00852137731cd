import type { Clock } from '../cpm/clock.js'
import type { SipServer, SipServerOptions } from './options.js'

export type { SipServer, SipServerOptions, SipServerStats } from './options.js'

/** Starts the embedded SIP server in this thread. Rejects when an address cannot be bound. */
export function startSipServer(_options: SipServerOptions, _clock?: Clock): Promise<SipServer> {
  return Promise.reject(new Error('SIP server: no transport is available'))
}
