import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from '../../../gateway/cpm/clock.js'
import type { Account } from '../profile.js'

/** How connections to one MMSC are made. */
export interface Connections {
  /** For requests: keeps connections and closes them when they are not used. */
  readonly agent: HttpAgent
  /** Makes a connection, TLS included, and closes it: MM7 has no other way to ask whether somebody is there. */
  try(done: (failure: string | undefined) => void): void
}

/** Reads certificates once. */
export function connectionsTo({ url: text, tls, timers, reuse }: Account, clock: Clock): Connections {
  const url = new URL(text)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const secure = url.protocol === 'https:'
  const port = Number(url.port) || (secure ? 443 : 80)
  const servername = tls?.servername ?? (isIP(host) ? undefined : host)
  const trust = {
    ca: tls?.ca,
    cert: tls?.cert,
    key: tls?.key,
    rejectUnauthorized: tls?.verify ?? true,
    ...(servername === undefined ? {} : { servername }),
  }
  // The window bounds the requests under way, so the agent need not; its timeout closes unused connections only.
  const keeping = { keepAlive: reuse, scheduling: 'lifo', timeout: timers.idle } as const

  return {
    agent: secure ? new HttpsAgent({ ...keeping, ...trust }) : new HttpAgent(keeping),
    try(done) {
      const socket: Socket = secure ? connectTls({ host, port, ...trust }) : connectTcp({ host, port })
      const stop = clock.after(timers.connect, () => socket.destroy(new Error('no connection in time')))
      socket.unref()
      socket.once(secure ? 'secureConnect' : 'connect', () => {
        stop()
        socket.destroy()
        done(undefined)
      })
      socket.once('error', (error) => {
        stop()
        done(error.message)
      })
    },
  }
}
