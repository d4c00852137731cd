import { randomBytes } from 'node:crypto'
import { dial, type Heard, type Peer, peerServer } from '../../msrp/peer.js'

/** The MSRP side of a phone: a session-id of its own, and SDP as a client writes it. */
export interface MsrpPhone {
  readonly path: string
  /** An offer or answer with this stream and others. */
  sdp(options?: {
    readonly setup?: string
    readonly others?: readonly string[]
    readonly extra?: readonly string[]
  }): string
  /** Connects to the path of a description, and binds. */
  connectTo(description: string): Promise<Talk>
  /** Waits for the other side to connect. */
  accepted(): Promise<Talk>
  close(): Promise<void>
}

/** A bound MSRP connection. */
export interface Talk {
  readonly peer: Peer
  readonly remote: string
  send(
    body: string,
    options?: { readonly id?: string; readonly headers?: string; readonly contentType?: string },
  ): Promise<Heard>
  /** The next SEND with a body, answered with this. */
  receives(status?: string): Promise<Heard>
}

export const pathIn = (description: string): string => /a=path:(\S+)/.exec(description)?.[1] ?? ''

export async function openMsrpPhone(): Promise<MsrpPhone> {
  const server = await peerServer()
  const path = `msrp://127.0.0.1:${server.port}/${randomBytes(10).toString('hex')};tcp`
  const peers: Peer[] = []

  function talk(peer: Peer, remote: string, early: Heard[] = []): Talk {
    peers.push(peer)
    const next = async (): Promise<Heard> => early.shift() ?? peer.hears()
    return {
      peer,
      remote,
      async send(body, { id = randomBytes(6).toString('hex'), headers = '', contentType = 'text/plain' } = {}) {
        const transaction = randomBytes(6).toString('hex')
        const head = `MSRP ${transaction} SEND\nTo-Path: ${remote}\nFrom-Path: ${path}\nMessage-ID: ${id}\nByte-Range: 1-${body.length}/${body.length}\n`
        const start = `${head}${headers}Content-Type: ${contentType}\n\n`.replace(/\n/g, '\r\n')
        peer.sends(Buffer.from(`${start}${body}\r\n-------${transaction}$\r\n`, 'latin1'))
        for (;;) {
          const heard = await peer.hears()
          if (heard.transaction === transaction) return heard
        }
      },
      async receives(status = '200 OK') {
        for (;;) {
          const heard = await next()
          if (heard.first !== 'SEND') continue
          peer.answers(heard, status)
          if (heard.body !== undefined) return heard
        }
      },
    }
  }

  return {
    path,
    sdp({ setup = 'actpass', others = [], extra = [] } = {}) {
      return [
        'v=0',
        'o=- 1 1 IN IP4 127.0.0.1',
        's=-',
        'c=IN IP4 127.0.0.1',
        't=0 0',
        `m=message ${server.port} TCP/MSRP *`,
        `a=path:${path}`,
        'a=accept-types:message/cpim text/plain',
        'a=accept-wrapped-types:*',
        `a=setup:${setup}`,
        ...extra,
        'a=sendrecv',
        ...others,
        '',
      ].join('\r\n')
    },
    async connectTo(description) {
      const remote = pathIn(description)
      const peer = await dial(Number(/:(\d+)\//.exec(remote)?.[1]))
      const transaction = randomBytes(6).toString('hex')
      const head = `MSRP ${transaction} SEND\nTo-Path: ${remote}\nFrom-Path: ${path}\nMessage-ID: bind\nByte-Range: 1-0/0\n`
      peer.says(`${head}-------${transaction}$\n`)
      const early: Heard[] = []
      for (;;) {
        const heard = await peer.hears()
        if (heard.transaction === transaction) return talk(peer, remote, early)
        early.push(heard)
      }
    },
    async accepted() {
      const peer = await server.next()
      const bind = await peer.hearsFirst('SEND')
      peer.answers(bind, '200 OK')
      return talk(peer, bind.headers.get('From-Path') ?? '')
    },
    async close() {
      for (const peer of peers) peer.close()
      await server.close()
    },
  }
}
