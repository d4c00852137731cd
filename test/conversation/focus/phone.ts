import { randomUUID } from 'node:crypto'
import { type Inbox, inbox } from '../../../scripts/rig/inbox.js'
import type {
  ComingCall,
  PhoneDialog,
  PlacedCall,
  SessionAgent,
  WithinRequest,
} from '../../../scripts/rig/session-agent.js'
import { header, type SipText } from '../../../scripts/rig/sip-text.js'
import { dial, type Heard, type Peer } from '../../msrp/peer.js'

/** A device in a session: SIP and MSRP as text, none of it the gateway's. */
export interface Talk {
  readonly dialog: PhoneDialog
  /** Session identity: the URI of the focus's Contact. */
  readonly identity: string
  /** The INVITE or 200 of the focus. */
  readonly focus: SipText
  /** Octets of what the members say, as they came. */
  readonly heard: Inbox<string>
  /** Sends a message; resolves with the status of the answer. */
  says(text: string, options?: Says): Promise<string>
  /** Sends a whole body. */
  sends(body: string, contentType?: string): Promise<string>
  request(method: string, headers: string): Promise<string>
  /** Takes and answers a request of the focus within the dialog. */
  next(method: string): Promise<WithinRequest>
  /** Stops reading what comes. */
  stall(): void
  readonly connection: Peer
  /** Our a=path. */
  readonly path: string
  /** Sends a message on a connection of its own; the status of the answer. */
  sendsAnew(body: string): Promise<string>
}

export interface Says {
  readonly to?: string
  readonly from?: string
  readonly type?: string
  readonly id?: string
  readonly asks?: string
}

export interface Streams {
  /** Lines of further sections. */
  readonly more?: readonly string[]
  readonly types?: string
}

let count = 0
export const newPath = (address = '127.0.0.1'): string =>
  `msrp://${address}:9/phone-${++count}-${randomUUID().slice(0, 8)};tcp`

/** A description with one message stream that connects by itself. */
export const messageSdp = (path: string, { more = [], types = '*' }: Streams = {}): string => {
  const address = path.startsWith('msrp://[') ? 'IP6 ::1' : 'IP4 127.0.0.1'
  return [
    'v=0',
    `o=- 1 1 IN ${address}`,
    's=-',
    `c=IN ${address}`,
    't=0 0',
    'm=message 9 TCP/MSRP *',
    `a=path:${path}`,
    'a=accept-types:message/cpim',
    `a=accept-wrapped-types:${types}`,
    'a=setup:active',
    ...more,
    '',
  ].join('\r\n')
}

export const GROUP_SERVICE: [string, string] = [
  'P-Preferred-Service',
  'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session.group',
]

/** Calls a group or a session. */
export function place(
  agent: SessionAgent,
  target: string,
  options: Streams & { path?: string; headers?: [string, string][] } = {},
) {
  const path = options.path ?? newPath()
  const call = agent.call(target, messageSdp(path, options), [GROUP_SERVICE, ...(options.headers ?? [])])
  return { path, call }
}

/** The call has been taken. */
export async function talkOf(agent: SessionAgent, { path, call }: { path: string; call: PlacedCall }): Promise<Talk> {
  const dialog = await call.established()
  return talk(agent, dialog, path, dialog.made)
}

/** Answers an invitation of the focus. */
export async function answer(
  agent: SessionAgent,
  call: ComingCall,
  options: Streams & { sdp?: (path: string) => string; address?: string } = {},
): Promise<Talk> {
  const path = newPath(options.address)
  const dialog = await call.accept(options.sdp?.(path) ?? messageSdp(path, options))
  return talk(agent, dialog, path, call.invite)
}

async function talk(agent: SessionAgent, dialog: PhoneDialog, own: string, focus: SipText): Promise<Talk> {
  const body = focus.body.toString()
  const theirs = /^a=path:(.+?)\r?$/m.exec(body)?.[1] ?? ''
  const [, host = '', port = ''] = /^msrps?:\/\/\[?([^\]/]+?)\]?:(\d+)\//.exec(theirs) ?? []
  const identity = /<([^>]+)>/.exec(header(focus, 'contact'))?.[1] ?? ''
  const connection = await dial(Number(port), host)
  const heard = inbox<string>((text) => text.slice(0, 200))
  const answers = inbox<Heard>((message) => message.first)
  let number = 0
  let stalled = false

  const send = async (method: string, headers: string, body?: string): Promise<string> => {
    const transaction = `t${++number}x${own.slice(-12, -4)}`
    const rest = body === undefined ? '' : `\n${body}\n`
    connection.says(
      `MSRP ${transaction} ${method}\nTo-Path: ${theirs}\nFrom-Path: ${own}\n${headers}${rest}-------${transaction}$\n`,
    )
    const { first } = await answers.next(`an answer to ${method}`, (message) => message.transaction === transaction)
    return first.slice(0, 3)
  }
  const listen = async (): Promise<void> => {
    for (;;) {
      const message = await connection.hears()
      if (/^\d{3}/.test(message.first)) answers.push(message)
      else if (!stalled) {
        if (message.first === 'SEND' && message.headers.get('Failure-Report') !== 'no')
          connection.answers(message, '200 OK')
        heard.push(message.first === 'SEND' ? (message.body ?? '') : message.text)
      }
    }
  }
  listen().catch(() => undefined)
  const sends = (text: string, contentType = 'message/cpim'): Promise<string> => {
    const bytes = Buffer.byteLength(text.replace(/\n/g, '\r\n'))
    return send(
      'SEND',
      `Message-ID: m${++number}${own.slice(-12, -4)}\nByte-Range: 1-${bytes}/${bytes}\nContent-Type: ${contentType}\n`,
      text,
    )
  }
  // RFC 4975 §5.4: who connects shows by a first request which session it is for.
  await send('SEND', `Message-ID: b${own.slice(-12, -4)}\nByte-Range: 1-0/0\n`)
  return {
    dialog,
    identity,
    focus,
    heard,
    connection,
    path: own,
    sends,
    says: (text, { to = identity, from = agent.uri, type = 'text/plain', id, asks } = {}) =>
      sends(cpim(from, to, text, type, id, asks)),
    request: (method, headers) => send(method, headers),
    next: (method) => dialog.requests.next(method, ({ request }) => request.method === method),
    async sendsAnew(body) {
      const peer = await dial(Number(port), host)
      peer.says(
        `MSRP anew1 SEND\nTo-Path: ${theirs}\nFrom-Path: ${own}\nMessage-ID: anew\nByte-Range: 1-${body.length}/${body.length}\nContent-Type: message/cpim\n\n${body}\n-------anew1$\n`,
      )
      const { first } = await peer.hears()
      peer.close()
      return first.slice(0, 3)
    },
    stall() {
      stalled = true
      connection.socket.pause()
    },
  }
}

/** A message/cpim with line ends as \n. */
export function cpim(from: string, to: string, text: string, type = 'text/plain', id?: string, asks?: string): string {
  return [
    `From: <${from}>`,
    `To: <${to}>`,
    'DateTime: 2026-01-01T00:00:00Z',
    ...(id === undefined ? [] : ['NS: imdn <urn:ietf:params:imdn>', `imdn.Message-ID: ${id}`]),
    ...(asks === undefined ? [] : [`imdn.Disposition-Notification: ${asks}`]),
    '',
    `Content-Type: ${type}`,
    '',
    text,
  ].join('\n')
}
