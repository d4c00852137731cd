import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { TLSSocket, createServer as tlsServer } from 'node:tls'
import { TEST_CERTIFICATE, TEST_KEY } from '../sms-smpp/certificate.js'

/** Name in the certificate. */
export const FRONT_NAME = 'smsc.test'
export const FRONT_CA = TEST_CERTIFICATE

const KEYS = { key: TEST_KEY, cert: TEST_CERTIFICATE }
const HEAD =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' id='front' version='1.0'>"
const STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
const PROCEED = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

/** A way to a server that takes components in the clear only. */
export interface TlsFront {
  readonly port: number
  /** Connections that came as far as TLS. */
  readonly secured: () => number
  close(): Promise<void>
}

function join(near: Socket, far: Socket): void {
  near.pipe(far).pipe(near)
  near.on('error', () => far.destroy())
  far.on('error', () => near.destroy())
}

/** Speaks TLS from the first octet on. */
export async function directFront(target: number): Promise<TlsFront> {
  let secured = 0
  const sockets = new Set<Socket>()
  const server = tlsServer(KEYS, (near) => {
    secured += 1
    join(near, connect(target, '127.0.0.1'))
  })
  server.on('connection', (socket: Socket) => sockets.add(socket))
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    secured: () => secured,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** Offers TLS in the stream (RFC 6120 §5), or these features instead; `after` follows its consent in the clear. */
export async function starttlsFront(target: number, offer = STARTTLS, after = ''): Promise<TlsFront> {
  let secured = 0
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    sockets.add(near)
    near.on('error', () => near.destroy())
    near.once('data', () => {
      near.write(`${HEAD}<stream:features>${offer}</stream:features>`)
      near.once('data', (asked: Buffer) => {
        if (!asked.includes('<starttls')) return near.destroy()
        near.write(PROCEED + after)
        const secure = new TLSSocket(near, { ...KEYS, isServer: true })
        secure.once('secure', () => {
          secured += 1
        })
        join(secure, connect(target, '127.0.0.1'))
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    secured: () => secured,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
