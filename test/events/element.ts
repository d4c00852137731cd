import { randomUUID } from 'node:crypto'
import { DOMAIN } from '../core/support.js'
import { type RawClient, tcpClient, udpClient, type Wire } from '../sip/raw-client.js'
import { credentials } from '../sip/support.js'

type Headers = Readonly<Record<string, string>>

/** A foreign SIP element over a raw socket; requests and responses that come in are kept apart. */
export interface Element {
  readonly client: RawClient
  readonly contact: string
  ask(startLine: string, headers: Headers, body?: string): Promise<Wire>
  /** Takes the next request and answers it. */
  take(status?: string, headers?: Headers): Promise<Wire>
  /** Takes the next request; it is answered when `answer` is called. */
  hold(): Promise<{ readonly request: Wire; answer(status?: string, headers?: Headers): void }>
  /** Requests that came and were not taken. */
  readonly unread: () => number
  close(): void
}

export async function openElement(server: string): Promise<Element> {
  const client = server.startsWith('tcp') ? await tcpClient(server) : await udpClient(server)
  const responses = queue()
  const requests = queue()
  void (async () => {
    for (;;) {
      const message = await client.next()
      if (message.status === 0) requests.put(message)
      else if (message.status >= 200) responses.put(message)
    }
  })()
  let branches = 0
  const hold: Element['hold'] = async () => {
    const request = await requests.take()
    const to = request.one('To')
    return {
      request,
      answer(status = '200 OK', headers = {}) {
        client.send(`SIP/2.0 ${status}`, {
          Via: request.all('Via').join(', '),
          From: request.one('From'),
          To: to.includes('tag=') ? to : `${to};tag=taken`,
          'Call-ID': request.one('Call-ID'),
          CSeq: request.one('CSeq'),
          ...headers,
        })
      },
    }
  }
  return {
    client,
    contact: `sip:device@127.0.0.1:${client.port};transport=${client.transport}`,
    ask(startLine, headers, body) {
      branches += 1
      const via = `SIP/2.0/${client.transport.toUpperCase()} 127.0.0.1:${client.port};branch=z9hG4bK-${randomUUID()};rport`
      const usual = {
        'Max-Forwards': '70',
        'Call-ID': `call-${client.port}-${branches}`,
        CSeq: `${branches} ${startLine.split(' ')[0]}`,
      }
      client.send(startLine, { Via: via, ...usual, ...headers }, body)
      return responses.take()
    },
    async take(status, headers) {
      const { request, answer } = await hold()
      answer(status, headers)
      return request
    },
    hold,
    unread: requests.size,
    close: client.close,
  }
}

function queue() {
  const items: Wire[] = []
  const waiting: ((item: Wire) => void)[] = []
  return {
    put(item: Wire) {
      const next = waiting.shift()
      if (next) next(item)
      else items.push(item)
    },
    take: (): Promise<Wire> => {
      const item = items.shift()
      return item ? Promise.resolve(item) : new Promise((resolve) => waiting.push(resolve))
    },
    size: () => items.length,
  }
}

const PASSWORDS: Readonly<Record<string, string>> = { alice: 'wonderland', bob: 'builder' }

export interface Registering {
  readonly user?: string
  readonly instance?: string
  readonly expires?: number
  readonly more?: string
  readonly name?: string
  readonly callId?: string
  readonly cseq?: number
  readonly contact?: string
}

/** Registers a device of a user, answering the challenge. */
export async function register(element: Element, options: Registering = {}): Promise<Wire> {
  const { user = 'alice', instance, expires = 600, more = '', name, callId = randomUUID(), cseq = 1 } = options
  const line = `REGISTER sip:${DOMAIN} SIP/2.0`
  const tag = instance === undefined ? '' : `;+sip.instance="<urn:uuid:${instance}>"`
  const headers = {
    From: `${name === undefined ? '' : `"${name}" `}<sip:${user}@${DOMAIN}>;tag=r`,
    To: `<sip:${user}@${DOMAIN}>`,
    'Call-ID': callId,
    Contact: `<${options.contact ?? element.contact}>;expires=${expires}${tag}${more}`,
  }
  const challenged = await element.ask(line, { ...headers, CSeq: `${cseq} REGISTER` })
  const proof = { method: 'REGISTER', uri: `sip:${DOMAIN}`, user, password: PASSWORDS[user] ?? '' }
  const Authorization = credentials(challenged, proof)
  return element.ask(line, { ...headers, CSeq: `${cseq + 1} REGISTER`, Authorization })
}

/** A dialog of the element's: what its further SUBSCRIBEs say. */
export interface Leg {
  readonly callId: string
  readonly from: string
  readonly to: string
  readonly target: string
}

export interface Subscribing {
  readonly user?: string
  readonly expires?: number
  readonly event?: string
  readonly more?: Headers
}

/** Sends a SUBSCRIBE that begins a dialog. */
export async function subscribe(
  element: Element,
  { user = 'alice', expires = 600, event = 'reg', more = {} }: Subscribing = {},
): Promise<{ readonly answer: Wire; readonly leg: Leg }> {
  const uri = `sip:${user}@${DOMAIN}`
  const from = `<${uri}>;tag=${randomUUID().slice(0, 8)}`
  const callId = randomUUID()
  const answer = await element.ask(`SUBSCRIBE ${uri} SIP/2.0`, {
    From: from,
    To: `<${uri}>`,
    'Call-ID': callId,
    CSeq: '1 SUBSCRIBE',
    Contact: `<${element.contact}>`,
    Event: event,
    Expires: String(expires),
    ...more,
  })
  const target = /<([^>]+)>/.exec(answer.one('Contact'))?.[1] ?? ''
  return { answer, leg: { callId, from: more.From ?? from, to: answer.one('To'), target } }
}

/** Sends a SUBSCRIBE within the dialog. */
export function resubscribe(
  element: Element,
  leg: Leg,
  cseq: number,
  expires: number,
  more: Headers = {},
): Promise<Wire> {
  return element.ask(`SUBSCRIBE ${leg.target} SIP/2.0`, {
    From: leg.from,
    To: leg.to,
    'Call-ID': leg.callId,
    CSeq: `${cseq} SUBSCRIBE`,
    Contact: `<${element.contact}>`,
    Event: 'reg',
    Expires: String(expires),
    ...more,
  })
}
