import { timingSafeEqual } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import type { Clock } from '../../../gateway/cpm/clock.js'
import { type Connection, connectionOver } from './connection.js'

export interface OutbindSettings {
  readonly host: string
  readonly port: number
  readonly systemId: string
  readonly password: string
  /** Time for outbind to come after the connection. */
  readonly waitMs: number
}

export interface OutbindListener {
  /** Resolves with the port it listens on. */
  start(): Promise<number>
  stop(): void
}

/** Connections at most that have not said who they are. */
const STRANGERS = 32

const same = (a: string, b: string) => {
  const [left, right] = [Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')]
  return left.length === right.length && timingSafeEqual(left, right)
}

/**
 * Waits for centres that open the connection (SMPP 3.4 §2.2.1). outbind has no answer: with the right credentials the
 * connection goes to `accept`, anything else closes it without a word.
 */
export function createOutbindListener(
  settings: OutbindSettings,
  clock: Clock,
  accept: (connection: Connection) => void,
): OutbindListener {
  const strangers = new Set<Socket>()
  const server = createServer((socket) => {
    if (strangers.size >= STRANGERS) return socket.destroy()
    strangers.add(socket)
    const leave = () => {
      strangers.delete(socket)
      cancel()
    }
    const reject = () => {
      leave()
      socket.destroy()
    }
    const cancel = clock.after(settings.waitMs, reject)
    const connection = connectionOver(socket, {
      pdu(pdu) {
        const known =
          pdu.command === 'outbind' &&
          same(pdu.fields.system_id, settings.systemId) &&
          same(pdu.fields.password, settings.password)
        if (!known) return reject()
        leave()
        accept(connection)
      },
      fault: reject,
      broken: reject,
      closed: leave,
    })
  })
  server.on('error', () => {
    // A connection that could not be accepted; the ones there go on.
  })

  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(settings.port, settings.host, () => {
          server.off('error', reject)
          const address = server.address()
          resolve(typeof address === 'object' && address ? address.port : settings.port)
        })
      }),
    stop() {
      server.close()
      for (const socket of strangers) socket.destroy()
    },
  }
}
