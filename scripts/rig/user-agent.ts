import { randomBytes, randomUUID } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { newMessageId, type ReadCpim, type ReadImdn, readCpim, readImdn, writeCpim, writeImdn } from './cpim.js'
import { authorization } from './digest.js'
import { type Inbox, inbox } from './inbox.js'
import { type Picture, WITH_PICTURE, withPicture } from './picture.js'
import { loopbackFor } from './ports.js'
import { answerTo, header, headerAll, readSip, type SipText, writeSip } from './sip-text.js'

export const MESSAGE_SERVICE = 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg'
const FEATURE = `+g.3gpp.icsi-ref="${encodeURIComponent(MESSAGE_SERVICE)}"`

export interface UserAgentOptions {
  /** The gateway's UDP address. */
  readonly server: { readonly host: string; readonly port: number }
  readonly domain: string
  readonly user: string
  readonly password: string
  /** Sends `delivered` for what asks for it. Default true. */
  readonly reports?: boolean
  /** T1 of RFC 3261, ms: first wait before a request is sent again. */
  readonly t1Ms?: number
  /** Parameters of its Contact that tell what it can do, each with its semicolon; default: the CPM message service. */
  readonly features?: string
}

/** A MESSAGE that came in. */
export interface Received {
  readonly request: SipText
  readonly cpim?: ReadCpim
  readonly imdn?: ReadImdn
  readonly text: string
}

export interface Say {
  readonly to: string
  readonly text: string
  /** Goes along with the text. */
  readonly picture?: Picture
  readonly report?: readonly string[]
  readonly headers?: SipText['headers']
  readonly messageId?: string
}

export interface Said {
  readonly answer: SipText
  readonly messageId: string
}

/** A device of a CPM user: SIP over UDP, digest, CPIM, IMDN; nothing of it is the gateway's. */
export interface UserAgent {
  readonly uri: string
  readonly contact: string
  readonly instance: string
  /** What the device took. */
  readonly messages: Inbox<Received>
  /** What it answered otherwise than with 200. */
  readonly refused: Inbox<Received>
  register(expiresSeconds?: number): Promise<SipText>
  /** Sends a text as a CPM message; resolves with the final answer. */
  say(message: Say): Promise<Said>
  /** Sends a MESSAGE with this body as it stands. */
  message(to: string, body: Buffer | string, headers?: SipText['headers']): Promise<SipText>
  /** Sends octets that need be no SIP at all; resolves with the first datagram that comes back, if one does. */
  raw(octets: Buffer, withinMs?: number): Promise<SipText | undefined>
  /** Takes the next text message, or the next IMDN about a message. */
  nextText(what: string, matches?: (message: Received) => boolean, withinMs?: number): Promise<Received>
  nextReport(messageId: string, withinMs?: number): Promise<ReadImdn>
  /** What to answer to incoming messages from now on; default 200. 0: nothing at all. */
  answers(status: number): void
  close(): void
}

/** Opens a socket for the device. Nothing is sent before `register` or `say`. */
export async function openUserAgent(options: UserAgentOptions): Promise<UserAgent> {
  const loopback = loopbackFor(options.server.host)
  const socket = createSocket(loopback.socket)
  await new Promise<void>((resolve) => socket.bind(0, loopback.address, resolve))
  const hostport = `${loopback.inUri}:${socket.address().port}`
  const uri = `sip:${options.user}@${options.domain}`
  const contact = `sip:${options.user}@${hostport}`
  const instance = `urn:uuid:${randomUUID()}`
  const show = ({ text, imdn, request }: Received): string =>
    imdn ? `${imdn.status} ${imdn.messageId}` : text || request.startLine
  const messages = inbox<Received>(show)
  const refused = inbox<Received>(show)
  const pending = new Map<string, (response: SipText) => void>()
  const seen = new Map<string, Buffer>()
  let strays: ((message: SipText) => void) | undefined
  let cseq = 0
  let status = 200
  const tag = randomBytes(6).toString('hex')
  let closed = false
  const transmit = (octets: Buffer): void => {
    if (!closed) socket.send(octets, options.server.port, options.server.host)
  }

  socket.on('message', (data, from) => {
    const message = readSip(data)
    if (message === undefined) return
    if (message.status > 0) {
      const branch = /branch=([^;,\s]+)/.exec(header(message, 'via'))?.[1] ?? ''
      const waiting = pending.get(branch)
      if (waiting === undefined) strays?.(message)
      else if (message.status >= 200) waiting(message)
      return
    }
    if (status === 0) return
    const key = `${header(message, 'via')} ${header(message, 'cseq')}`
    const before = seen.get(key)
    const answer = before ?? answerTo(message, status, status === 200 ? 'OK' : 'Refused')
    socket.send(answer, from.port, from.address)
    if (before !== undefined) return
    seen.set(key, answer)
    if (message.method === 'MESSAGE') receive(message)
  })

  function receive(request: SipText): void {
    const cpim = readCpim(request.body)
    const imdn = cpim && readImdn(cpim)
    const into = status === 200 ? messages : refused
    into.push({
      request,
      text: cpim?.text ?? request.body.toString('utf8'),
      ...(cpim && { cpim }),
      ...(imdn && { imdn }),
    })
    const wants = cpim?.headers.get('imdn.Disposition-Notification')?.includes('positive-delivery')
    // A report never asks for a report (RFC 5438 §7.1.2); who asks all the same gets none.
    if (cpim && !imdn && wants && status === 200 && options.reports !== false) {
      const to = /<([^>]+)>/.exec(cpim.headers.get('From') ?? '')?.[1] ?? ''
      const messageId = cpim.headers.get('imdn.Message-ID') ?? ''
      const dateTime = cpim.headers.get('DateTime') ?? ''
      const body = writeImdn({ from: uri, to, messageId, dateTime, status: 'delivered' })
      void deviceMessage(to, body, []).catch(() => undefined)
    }
  }

  /** One client transaction (RFC 3261 §17.1.2): sent again until a final answer, given up after 64 × T1. */
  function transact(startLine: string, headers: SipText['headers'], body: Buffer | string): Promise<SipText> {
    const branch = `z9hG4bK${randomBytes(9).toString('hex')}`
    const via = `SIP/2.0/UDP ${hostport};branch=${branch};rport`
    const octets = writeSip(startLine, [['Via', via], ['Max-Forwards', '70'], ...headers], body)
    const t1 = options.t1Ms ?? 500
    return new Promise((resolve, reject) => {
      let wait = t1
      let timer = setTimeout(again, wait)
      const end = setTimeout(() => finish(() => reject(new Error(`no answer to ${startLine}`))), 64 * t1)
      function again(): void {
        wait = Math.min(wait * 2, 4000)
        transmit(octets)
        timer = setTimeout(again, wait)
      }
      function finish(act: () => void): void {
        clearTimeout(timer)
        clearTimeout(end)
        pending.delete(branch)
        act()
      }
      pending.set(branch, (response) => finish(() => resolve(response)))
      transmit(octets)
    })
  }

  /** A request, and again with credentials when it is challenged. */
  async function request(method: string, target: string, headers: SipText['headers'], body: Buffer | string) {
    const callId = randomUUID()
    const attempt = (more: SipText['headers']): Promise<SipText> => {
      const to = method === 'REGISTER' ? uri : target
      const common: SipText['headers'] = [
        ['From', `<${uri}>;tag=${tag}`],
        ['To', `<${to}>`],
        ['Call-ID', callId],
        ['CSeq', `${++cseq} ${method}`],
      ]
      return transact(`${method} ${target} SIP/2.0`, [...common, ...headers, ...more], body)
    }
    const first = await attempt([])
    if (first.status !== 401 && first.status !== 407) return first
    const proxy = first.status === 407
    const [challenge = ''] = headerAll(first, proxy ? 'proxy-authenticate' : 'www-authenticate')
    const credentials = authorization(challenge, {
      method,
      uri: target,
      user: options.user,
      password: options.password,
    })
    return attempt([[proxy ? 'Proxy-Authorization' : 'Authorization', credentials]])
  }

  function deviceMessage(to: string, body: Buffer | string, headers: SipText['headers']): Promise<SipText> {
    const usual: SipText['headers'] = [
      ['P-Preferred-Service', MESSAGE_SERVICE],
      ['Accept-Contact', `*;${FEATURE};require;explicit`],
      ['Content-Type', 'message/cpim'],
    ]
    const given = new Set(headers.map(([name]) => name))
    return request('MESSAGE', to, [...usual.filter(([name]) => !given.has(name)), ...headers], body)
  }

  const nextText: UserAgent['nextText'] = (what, matches = () => true, withinMs) =>
    messages.next(what, (message) => message.imdn === undefined && matches(message), withinMs)

  return {
    uri,
    contact,
    instance,
    messages,
    refused,
    nextText,
    register: (expires = 600) =>
      request(
        'REGISTER',
        `sip:${options.domain}`,
        [
          [
            'Contact',
            `<${contact}>;expires=${expires};+sip.instance="<${instance}>"${options.features ?? `;${FEATURE}`}`,
          ],
        ],
        '',
      ),
    async say({ to, text, picture, report = [], headers = [], messageId = newMessageId() }) {
      const content = picture ? { type: WITH_PICTURE, text: withPicture(text, picture) } : { text }
      const answer = await deviceMessage(to, writeCpim({ from: uri, to, ...content, report, messageId }), headers)
      return { answer, messageId }
    },
    message: (to, body, headers = []) => deviceMessage(to, body, headers),
    raw: (octets, withinMs = 1000) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => resolve(undefined), withinMs)
        strays = (message) => {
          clearTimeout(timer)
          resolve(message)
        }
        transmit(octets)
      }),
    async nextReport(messageId, withinMs) {
      const is = (message: Received): boolean => message.imdn?.messageId === messageId
      const { imdn } = await messages.next(`the report about ${messageId}`, is, withinMs)
      return imdn ?? { messageId, recipient: '', status: '' }
    },
    answers(next) {
      status = next
    },
    close() {
      closed = true
      socket.close()
    },
  }
}
