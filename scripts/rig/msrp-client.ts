import { once } from 'node:events'
import { connect } from 'node:net'

/** A device's MSRP over a connection of its own, as lean as a load can be; nothing of it is the gateway's. */
export interface MsrpClient {
  send(body: string): void
  /** SENDs that were answered with anything but 200. */
  readonly refused: () => number
  close(): void
}

export interface MsrpClientOptions {
  /** a=path of the gateway, and ours. */
  readonly theirs: string
  readonly own: string
  readonly onMessage: (body: string) => void
}

/** Connects, and shows whose session it is (RFC 4975 §5.4). */
export async function openMsrpClient({ theirs, own, onMessage }: MsrpClientOptions): Promise<MsrpClient> {
  const [, host = '', port = ''] = /^msrp:\/\/([^:/]+):(\d+)\//.exec(theirs) ?? []
  const socket = connect({ host, port: Number(port), noDelay: true })
  await once(socket, 'connect')
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
  return { send: write, refused: () => refused, close: () => socket.destroy() }
}
