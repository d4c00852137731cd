import { randomBytes, randomUUID } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { authorization } from './digest.js'
import { type Inbox, inbox } from './inbox.js'
import { loopbackFor } from './ports.js'
import { answerTo, header, headerAll, readSip, type SipText, writeSip } from './sip-text.js'

type Headers = SipText['headers']

export interface SessionAgentOptions {
  /** The gateway's UDP address. */
  readonly server: { readonly host: string; readonly port: number }
  readonly domain: string
  readonly user: string
  readonly password: string
}

/** A call of the agent's. */
export interface PlacedCall {
  /** The INVITE as it went out last. */
  readonly invite: SipText
  /** Provisional answers but 100. */
  readonly provisionals: Inbox<SipText>
  /** The final answer; a refusal is acknowledged, a 2xx only by `established`. */
  readonly final: Promise<SipText>
  cancel(): Promise<SipText>
  /** Acknowledges the 2xx. Throws when the call was refused. */
  established(): Promise<PhoneDialog>
}

/** A call that came in. */
export interface ComingCall {
  readonly invite: SipText
  progress(status: number): void
  refuse(status: number, headers?: Headers): void
  /** Answers 200; resolves with the ACK. */
  accept(sdp: string, headers?: Headers): Promise<PhoneDialog>
  /** Resolves when a CANCEL has come; it is answered by itself, and the INVITE with 487. */
  readonly cancelled: Promise<SipText>
}

export interface PhoneDialog {
  /** The 2xx that made it, or the ACK. */
  readonly made: SipText
  /** What the gateway sent within; a BYE is answered already. */
  readonly requests: Inbox<WithinRequest>
  request(method: string, headers?: Headers, body?: string): Promise<SipText>
  /** ACK of a re-INVITE's 2xx. */
  acknowledge(answer: SipText): void
  bye(): Promise<SipText>
}

export interface WithinRequest {
  readonly request: SipText
  answer(status: number, headers?: Headers, body?: string): void
}

/** A SIP element that knows INVITE: UDP, digest; nothing of it is the gateway's. */
export interface SessionAgent {
  readonly uri: string
  readonly contact: string
  readonly instance: string
  readonly port: number
  readonly calls: Inbox<ComingCall>
  /** Requests outside dialogs that are not INVITE, answered with 200 already. */
  readonly others: Inbox<SipText>
  /** `features`: parameters of its Contact, each with its semicolon. */
  register(features: string): Promise<SipText>
  call(target: string, sdp: string, headers?: Headers): PlacedCall
  /** Any other request outside a dialog. */
  ask(method: string, target: string, headers: Headers, body?: string): Promise<SipText>
  /** Answers nothing from now on, as if it had no power. */
  die(): void
  close(): void
}

const TAGGED = /;\s*tag=([^;>\s]+)/
const show = ({ startLine }: SipText): string => startLine

export async function openSessionAgent(options: SessionAgentOptions): Promise<SessionAgent> {
  const { server, domain, user, password } = options
  const loopback = loopbackFor(server.host)
  const socket = createSocket(loopback.socket)
  await new Promise<void>((resolve) => socket.bind(0, loopback.address, resolve))
  const { port } = socket.address()
  const hostport = `${loopback.inUri}:${port}`
  const uri = `sip:${user}@${domain}`
  const contact = `sip:${user}@${hostport}`
  const instance = `urn:uuid:${randomUUID()}`
  const calls = inbox<ComingCall>(({ invite }) => show(invite))
  const others = inbox<SipText>(show)
  const pending = new Map<string, (response: SipText) => void>()
  const answered = new Map<string, Buffer>()
  const coming = new Map<string, { cancel(request: SipText): void }>()
  const awaitedAcks = new Map<string, (ack: SipText) => void>()
  const dialogs = new Map<string, Inbox<WithinRequest>>()
  let cseq = 0
  let dead = false

  const transmit = (octets: Buffer): void => {
    if (!dead) socket.send(octets, server.port, server.host)
  }
  const branchOf = (message: SipText): string => /branch=([^;,\s]+)/.exec(header(message, 'via'))?.[1] ?? ''
  const dialogKey = (callId: string, remoteTag: string): string => `${callId} ${remoteTag}`

  socket.on('message', (data) => {
    const message = dead ? undefined : readSip(data)
    if (!message) return
    if (message.status > 0) pending.get(branchOf(message))?.(message)
    else receive(message)
  })

  function receive(request: SipText): void {
    const key = `${branchOf(request)} ${request.method}`
    const before = answered.get(key)
    if (before) {
      transmit(before)
      return
    }
    const inDialog = TAGGED.test(header(request, 'to'))
    const within = dialogs.get(dialogKey(header(request, 'call-id'), TAGGED.exec(header(request, 'from'))?.[1] ?? ''))
    const reply = (status: number, headers: Headers = [], body = ''): void => {
      const octets = withBody(request, status, headers, body)
      if (status >= 200) answered.set(key, octets)
      transmit(octets)
    }
    switch (request.method) {
      case 'ACK':
        awaitedAcks.get(`${header(request, 'call-id')} ${header(request, 'cseq').split(' ')[0]}`)?.(request)
        return
      case 'CANCEL':
        reply(200)
        coming.get(branchOf(request))?.cancel(request)
        return
      case 'INVITE':
        if (inDialog) within?.push({ request, answer: reply })
        else arrive(request, reply)
        return
      default:
        if (!inDialog) {
          reply(200)
          others.push(request)
        } else if (!within) reply(481)
        else if (request.method === 'BYE') {
          reply(200)
          within.push({ request, answer: () => undefined })
        } else within.push({ request, answer: reply })
    }
  }

  function withBody(request: SipText, status: number, headers: Headers, body: string): Buffer {
    const type: Headers = body === '' || headers.some(([name]) => name === 'Content-Type') ? [] : [SDP_TYPE]
    const moved = headers.some(([name]) => name === 'Contact')
    const own: Headers = [...(moved ? [] : [['Contact', `<${contact}>`] as const]), ...type, ...headers]
    if (body === '') return answerTo(request, status, 'Said So', own)
    const bare = readSip(answerTo(request, status, 'Said So', own))
    const kept = bare?.headers.filter(([name]) => name.toLowerCase() !== 'content-length') ?? []
    return writeSip(bare?.startLine ?? '', kept, body)
  }

  type Reply = (status: number, headers?: Headers, body?: string) => void

  function arrive(invite: SipText, reply: Reply): void {
    const branch = branchOf(invite)
    if (coming.has(branch)) return
    let open = true
    let tell: (cancel: SipText) => void = () => undefined
    const cancelled = new Promise<SipText>((resolve) => {
      tell = resolve
    })
    const record: Headers = headerAll(invite, 'record-route').map((value) => ['Record-Route', value])
    coming.set(branch, {
      cancel(request) {
        if (open) reply(487)
        open = false
        tell(request)
      },
    })
    calls.push({
      invite,
      cancelled,
      progress: (status) => reply(status),
      refuse(status, headers) {
        open = false
        reply(status, headers)
      },
      accept(sdp, headers = []) {
        open = false
        const callId = header(invite, 'call-id')
        const remoteTag = TAGGED.exec(header(invite, 'from'))?.[1] ?? ''
        const requests = inbox<WithinRequest>(({ request }) => show(request))
        dialogs.set(dialogKey(callId, remoteTag), requests)
        const acknowledged = new Promise<SipText>((resolve) => {
          awaitedAcks.set(`${callId} ${header(invite, 'cseq').split(' ')[0]}`, resolve)
        })
        reply(200, [...record, ...headers], sdp)
        const to = `${header(invite, 'to')};tag=rig`
        const routes = headerAll(invite, 'record-route')
        return acknowledged.then((made) => dialog(made, requests, callId, to, header(invite, 'from'), invite, routes))
      },
    })
  }

  function dialog(
    made: SipText,
    requests: Inbox<WithinRequest>,
    callId: string,
    local: string,
    remote: string,
    from: SipText,
    routes: readonly string[],
  ): PhoneDialog {
    const target = /<([^>]+)>/.exec(header(from, 'contact'))?.[1] ?? ''
    const common = (method: string, number: number): Headers => [
      ...routes.map((route): [string, string] => ['Route', route]),
      ['From', local],
      ['To', remote],
      ['Call-ID', callId],
      ['CSeq', `${number} ${method}`],
      ['Contact', `<${contact}>`],
    ]
    const request: PhoneDialog['request'] = (method, headers = [], body = '') => {
      const type: Headers = body === '' || headers.some(([name]) => name === 'Content-Type') ? [] : [SDP_TYPE]
      return final(`${method} ${target} SIP/2.0`, [...common(method, ++cseq), ...type, ...headers], body).answer
    }
    return {
      made,
      requests,
      request,
      acknowledge(answer) {
        const number = Number(header(answer, 'cseq').split(' ')[0])
        send(`ACK ${target} SIP/2.0`, common('ACK', number))
      },
      bye: () => request('BYE'),
    }
  }

  function send(startLine: string, headers: Headers, body = '', branch = newBranch()): SipText {
    const via: [string, string] = ['Via', `SIP/2.0/UDP ${hostport};branch=${branch};rport`]
    const octets = writeSip(startLine, [via, ['Max-Forwards', '70'], ...headers], body)
    transmit(octets)
    return readSip(octets) ?? { startLine, status: 0, method: '', headers, body: Buffer.alloc(0) }
  }

  /** A request and what is answered to it. */
  function final(startLine: string, headers: Headers, body: string, provisional?: (response: SipText) => void) {
    const branch = newBranch()
    const answer = new Promise<SipText>((resolve) => {
      pending.set(branch, (response) => {
        if (response.status < 200) {
          if (response.status > 100) provisional?.(response)
          return
        }
        if (startLine.startsWith('INVITE') && response.status >= 300) refusalAck(sent, response, branch)
        resolve(response)
      })
    })
    const sent = send(startLine, headers, body, branch)
    return { sent, answer, branch }
  }

  /** RFC 3261 §17.1.1.3. */
  function refusalAck(invite: SipText, response: SipText, branch: string): void {
    const kept = invite.headers.filter(([name]) => ['From', 'Call-ID', 'Route'].includes(name))
    const number = header(invite, 'cseq').split(' ')[0]
    const target = invite.startLine.split(' ')[1]
    const more: Headers = [
      ['To', header(response, 'to')],
      ['CSeq', `${number} ACK`],
    ]
    send(`ACK ${target} SIP/2.0`, [...kept, ...more], '', branch)
  }

  function credentials(challenged: SipText, method: string, target: string): Headers {
    const proxy = challenged.status === 407
    const [challenge = ''] = headerAll(challenged, proxy ? 'proxy-authenticate' : 'www-authenticate')
    const value = authorization(challenge, { method, uri: target, user, password })
    return [[proxy ? 'Proxy-Authorization' : 'Authorization', value]]
  }

  async function ask(method: string, target: string, headers: Headers, body = ''): Promise<SipText> {
    const callId = randomUUID()
    const given = new Set(headers.map(([name]) => name))
    const attempt = (more: Headers): Promise<SipText> => {
      const common: Headers = [
        ['From', `<${uri}>;tag=${newTag()}`],
        ['To', `<${method === 'REGISTER' ? uri : target}>`],
        ['Call-ID', callId],
        ['CSeq', `${++cseq} ${method}`],
      ]
      const usual = common.filter(([name]) => !given.has(name))
      return final(`${method} ${target} SIP/2.0`, [...usual, ...headers, ...more], body).answer
    }
    const first = await attempt([])
    return first.status === 401 || first.status === 407 ? attempt(credentials(first, method, target)) : first
  }

  function call(target: string, sdp: string, headers: Headers = []): PlacedCall {
    const given = new Set(headers.map(([name]) => name))
    const callId = headers.find(([name]) => name === 'Call-ID')?.[1] ?? randomUUID()
    const from = headers.find(([name]) => name === 'From')?.[1] ?? `<${uri}>;tag=${newTag()}`
    const provisionals = inbox<SipText>(show)
    const attempt = (more: Headers) => {
      const common: Headers = [
        ['From', from],
        ['To', `<${target}>`],
        ['Call-ID', callId],
        ['CSeq', `${++cseq} INVITE`],
        ['Contact', `<${contact}>`],
        ...(sdp === '' ? [] : [SDP_TYPE]),
      ]
      const usual = common.filter(([name]) => !given.has(name))
      const startLine = `INVITE ${target} SIP/2.0`
      return final(startLine, [...usual, ...headers, ...more], sdp, (response) => provisionals.push(response))
    }
    let last = attempt([])
    const answer = last.answer.then((first) => {
      if (first.status !== 407) return first
      last = attempt(credentials(first, 'INVITE', target))
      return last.answer
    })
    return {
      get invite() {
        return last.sent
      },
      provisionals,
      final: answer,
      cancel() {
        const { sent, branch } = last
        const kept = sent.headers.filter(([name]) => ['From', 'To', 'Call-ID', 'Route'].includes(name))
        const number = header(sent, 'cseq').split(' ')[0]
        // The answers to INVITE and CANCEL come with one branch.
        const invitePending = pending.get(branch)
        return new Promise((resolve) => {
          pending.set(branch, (response) => {
            if (response.method === 'CANCEL') resolve(response)
            else invitePending?.(response)
          })
          send(`CANCEL ${target} SIP/2.0`, [...kept, ['CSeq', `${number} CANCEL`]], '', branch)
        })
      },
      async established() {
        const made = await answer
        if (made.status >= 300) throw new Error(`refused: ${made.startLine}`)
        const requests = inbox<WithinRequest>(({ request }) => show(request))
        dialogs.set(dialogKey(callId, TAGGED.exec(header(made, 'to'))?.[1] ?? ''), requests)
        const routes = headerAll(made, 'record-route').toReversed()
        const begun = dialog(made, requests, callId, from, header(made, 'to'), made, routes)
        begun.acknowledge(made)
        return begun
      },
    }
  }

  return {
    uri,
    contact,
    instance,
    port,
    calls,
    others,
    register: (features) =>
      ask('REGISTER', `sip:${domain}`, [
        ['Contact', `<${contact}>;expires=600;+sip.instance="<${instance}>"${features}`],
      ]),
    call,
    ask,
    die() {
      dead = true
    },
    close() {
      dead = true
      socket.close()
    },
  }
}

const SDP_TYPE: [string, string] = ['Content-Type', 'application/sdp']
const newBranch = (): string => `z9hG4bK${randomBytes(9).toString('hex')}`
const newTag = (): string => randomBytes(6).toString('hex')
