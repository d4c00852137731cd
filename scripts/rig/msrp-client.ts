import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'

/** A device's MSRP over a connection of its own, as lean as a load can be; nothing of it is the gateway's. */
export interface MsrpClient {
  send(body: string): void
  /** SENDs that were answered with anything but 200. */
  readonly refused: () => number
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>
  close(): void
}

export interface MsrpClientOptions {
  /** a=path of the gateway, and ours. */
  readonly theirs: string
  readonly own: string
  readonly onMessage: (body: string) => void
  /** Over TLS, with a certificate of the device's own. */
  readonly tls?: ClientTls
}

export interface ClientTls {
  /** PEM. */
  readonly cert: string
  readonly key: string
  /** SHA-256 of the certificate that the gateway has to show, as in its a=fingerprint. */
  readonly expects: string
}

/** Connects, and shows whose session it is (RFC 4975 §5.4). */
export async function openMsrpClient({ theirs, own, onMessage, tls }: MsrpClientOptions): Promise<MsrpClient> {
  const [, host = '', port = ''] = /^msrps?:\/\/([^:/]+):(\d+)\//.exec(theirs) ?? []
  const socket = tls ? await overTls(host, Number(port), tls) : connect({ host, port: Number(port), noDelay: true })
  if (!tls) await once(socket, 'connect')
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  let rest = ''
  let count = 0
  let refused = 0
  socket.on('error', () => socket.destroy())
  socket.on('data', (octets: Buffer) => {
    rest += octets.toString('latin1')
    let at = 0
    let answers = ''
    for (;;) {
      const blank = rest.indexOf(' ', at + 5)
      if (blank < 0) break
      const transaction = rest.slice(at + 5, blank)
      const end = rest.indexOf(`\r\n-------${transaction}`, blank)
      const next = end + 12 + transaction.length
      if (end < 0 || rest.length < next) break
      if (rest.startsWith('SEND', blank + 1)) {
        const body = rest.indexOf('\r\n\r\n', blank)
        if (body > 0 && body < end) onMessage(rest.slice(body + 4, end))
        answers += `MSRP ${transaction} 200 OK\r\nTo-Path: ${theirs}\r\nFrom-Path: ${own}\r\n-------${transaction}$\r\n`
      } else if (!rest.startsWith('200', blank + 1)) refused++
      at = next
    }
    rest = rest.slice(at)
    if (answers !== '') socket.write(answers, 'latin1')
  })
  const write = (body: string): void => {
    const id = `load${++count}`
    const range = body === '' ? '1-0/0' : `1-${body.length}/${body.length}`
    const content = body === '' ? '' : `Content-Type: message/cpim\r\n\r\n${body}\r\n`
    socket.write(
      `MSRP ${id}x SEND\r\nTo-Path: ${theirs}\r\nFrom-Path: ${own}\r\nMessage-ID: ${id}\r\nByte-Range: ${range}\r\n${content}-------${id}x$\r\n`,
      'latin1',
    )
  }
  write('')
  return { send: write, refused: () => refused, closed, close: () => socket.destroy() }
}

/** RFC 4572 §5: any certificate will do, if it is the one that the description announced. Throws when it is not. */
async function overTls(host: string, port: number, { cert, key, expects }: ClientTls): Promise<TLSSocket> {
  const socket = connectTls({ host, port, cert, key, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { fingerprint256 } = socket.getPeerCertificate()
  if (fingerprint256 === expects) return socket
  socket.destroy()
  throw new Error(`the gateway shows ${fingerprint256}, and has announced ${expects}`)
}
