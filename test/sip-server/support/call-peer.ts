import { randomUUID } from 'node:crypto'
import type { Harness } from './harness.js'
import { headerOf } from './sip-text.js'
import type { UdpPeer } from './udp-peer.js'

export const OFFER = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nm=message 2855 TCP/MSRP *\r\n'
export const ANSWER = 'v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=-\r\nm=message 2856 TCP/MSRP *\r\n'

/** The peer's end of a dialog. */
export interface Leg {
  readonly callId: string
  /** From and To of its own requests. */
  readonly from: string
  readonly to: string
  /** Where its requests go. */
  readonly uri: string
}

export interface Parts {
  readonly extra?: readonly string[]
  readonly body?: string
  readonly branch?: string
  readonly callId?: string
  readonly from?: string
  readonly to?: string
  readonly cseq?: string
  readonly contact?: string
}

export interface AnswerParts {
  readonly tag?: string
  readonly contact?: string
  readonly extra?: readonly string[]
  readonly body?: string
}

/** What a user agent speaks over. */
export interface Wire {
  readonly transport: 'UDP' | 'TCP' | 'WS'
  /** Ours, as it stands in Via and Contact. */
  readonly port: number
  send(text: string): void
  receive(): Promise<string>
  readonly unread: number
}

/** A SIP user agent written out by hand: it does what it is told, and nothing by itself. */
export class CallPeer {
  readonly #peer: Wire
  readonly #serverPort: number

  constructor(wire: Wire, serverPort: number) {
    this.#peer = wire
    this.#serverPort = serverPort
  }

  static async open({ peer, udpPort }: Harness): Promise<CallPeer> {
    return CallPeer.onUdp(await peer(), udpPort)
  }

  static onUdp(peer: UdpPeer, serverPort: number): CallPeer {
    return new CallPeer(
      {
        transport: 'UDP',
        port: peer.port,
        send: (text) => peer.send(text, serverPort),
        receive: () => peer.receive(),
        get unread() {
          return peer.unread
        },
      },
      serverPort,
    )
  }

  get port(): number {
    return this.#peer.port
  }

  get unread(): number {
    return this.#peer.unread
  }

  send(text: string): string {
    this.#peer.send(text)
    return text
  }

  /** The next message, but for 100 Trying. */
  async next(): Promise<string> {
    for (;;) {
      const text = await this.#peer.receive()
      if (!text.startsWith('SIP/2.0 100 ')) return text
    }
  }

  /** The next message, which begins as given; fails otherwise. */
  async expect(start: string): Promise<string> {
    const text = await this.next()
    if (!text.startsWith(start)) throw new Error(`expected ${start}, received ${text}`)
    return text
  }

  /** A new request to the server. */
  request(method: string, parts: Parts = {}): string {
    const uri = `sip:bob@127.0.0.1:${this.#serverPort}`
    return this.#request(method, uri, parts)
  }

  invite(parts: Parts = {}): string {
    return this.request('INVITE', { body: OFFER, ...parts })
  }

  /** A request within a dialog. */
  within(leg: Leg, method: string, sequence: number, parts: Parts = {}): string {
    const { callId, from, to } = leg
    return this.#request(method, leg.uri, { callId, from, to, cseq: `${sequence} ${method}`, ...parts })
  }

  /** ACK of a refusal, or CANCEL: in the transaction of the INVITE. */
  follow(method: 'ACK' | 'CANCEL', invite: string, to = headerOf(invite, 'To')): string {
    const copied = ['Via', 'From', 'Call-ID'].map((name) => `${name}: ${headerOf(invite, name)}`)
    const sequence = Number.parseInt(headerOf(invite, 'CSeq') ?? '', 10)
    const lines = [...copied, `To: ${to}`, `CSeq: ${sequence} ${method}`, 'Max-Forwards: 70', 'Content-Length: 0']
    return this.send(`${method} ${invite.split(' ')[1]} SIP/2.0\r\n${lines.join('\r\n')}\r\n\r\n`)
  }

  answer(request: string, status: string, { tag = 'peer1', contact, extra = [], body = '' }: AnswerParts = {}): string {
    const lines = request.split('\r\n').filter((line) => /^(Via|From|Call-ID|CSeq|Record-Route):/i.test(line))
    const to = headerOf(request, 'To') ?? ''
    lines.push(`To: ${to.includes(';tag=') || status.startsWith('100') ? to : `${to};tag=${tag}`}`)
    lines.push(`Contact: ${contact ?? `<sip:peer@127.0.0.1:${this.port}>`}`, ...extra)
    if (body !== '') lines.push('Content-Type: application/sdp')
    return this.send(`SIP/2.0 ${status}\r\n${lines.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  }

  #request(method: string, uri: string, parts: Parts): string {
    const { body = '', extra = [] } = parts
    const lines = [
      `Via: SIP/2.0/${this.#peer.transport} 127.0.0.1:${this.port};rport;branch=${parts.branch ?? `z9hG4bK${randomUUID()}`}`,
      'Max-Forwards: 70',
      `From: ${parts.from ?? '<sip:alice@home.example>;tag=alice1'}`,
      `To: ${parts.to ?? '<sip:bob@home.example>'}`,
      `Call-ID: ${parts.callId ?? randomUUID()}`,
      `CSeq: ${parts.cseq ?? `1 ${method}`}`,
      `Contact: ${parts.contact ?? `<sip:alice@127.0.0.1:${this.port}>`}`,
      ...(body === '' || extra.some((line) => line.startsWith('Content-Type'))
        ? []
        : ['Content-Type: application/sdp']),
      ...extra,
      `Content-Length: ${body.length}`,
    ]
    return this.send(`${method} ${uri} SIP/2.0\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
  }
}

/** The caller's end, from the 2xx he received. */
export function callerLeg(success: string): Leg {
  return { ...common(success), from: headerOf(success, 'From') ?? '', to: headerOf(success, 'To') ?? '' }
}

/** The callee's end, from the INVITE he received and the 2xx he sent. */
export function calleeLeg(invite: string, success: string): Leg {
  return { ...common(invite), from: headerOf(success, 'To') ?? '', to: headerOf(success, 'From') ?? '' }
}

function common(message: string): Pick<Leg, 'callId' | 'uri'> {
  return { callId: headerOf(message, 'Call-ID') ?? '', uri: headerOf(message, 'Contact')?.replace(/[<>]/g, '') ?? '' }
}

/** First line of a message. */
export function startOf(text: string): string {
  return text.split('\r\n', 1)[0] ?? ''
}

/** Number in CSeq. */
export function sequenceOf(text: string): number {
  return Number.parseInt(headerOf(text, 'CSeq') ?? '', 10)
}
