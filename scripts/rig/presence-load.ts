import { randomBytes } from 'node:crypto'
import { openTcpLink } from './core-link.js'

/** A core with many users who publish and watch: requests go out on a few connections, every notification is answered and counted. */
export interface PresenceLoad {
  /** Final status of a PUBLISH in the name of a user; an entity tag changes what was published. */
  publish(user: string, note: string, etag?: string): Promise<{ readonly status: number; readonly etag: string }>
  /** Final status of a SUBSCRIBE to a user's presence. */
  subscribe(watcher: string, user: string): Promise<number>
  /** Resolves when so many notifications have come in all. */
  notified(count: number): Promise<void>
  readonly count: () => number
  close(): void
}

export interface PresenceLoadOptions {
  readonly gateway: { readonly host: string; readonly port: number }
  readonly domain: string
  readonly port: number
}

interface Answer {
  readonly status: number
  readonly etag: string
}

/** What an answer repeats of its request (RFC 3261 §8.2.6). */
const REPEATED = /^(?:via|from|to|call-id|cseq)[ \t]*:/i
const ANSWER_WITHIN_MS = 60_000

export async function openPresenceLoad({ gateway, domain, port }: PresenceLoadOptions): Promise<PresenceLoad> {
  const waiting = new Map<string, (answer: Answer) => void>()
  let notifications = 0
  let awaited: { readonly count: number; readonly resolve: () => void } | undefined

  function received(octets: Buffer, answer: (octets: Buffer) => void): void {
    const head = octets.toString('latin1', 0, octets.indexOf('\r\n\r\n'))
    const status = Number(/^SIP\/2\.0 (\d{3})/.exec(head)?.[1] ?? 0)
    if (status === 0) {
      const lines = head.split('\r\n').filter((line) => REPEATED.test(line))
      answer(Buffer.from(['SIP/2.0 200 OK', ...lines, 'Content-Length: 0', '', ''].join('\r\n')))
      notifications += 1
      if (awaited && notifications >= awaited.count) awaited.resolve()
      return
    }
    if (status < 200) return
    const branch = /branch=z9hG4bK([0-9a-f]+)/.exec(head)?.[1] ?? ''
    waiting.get(branch)?.({ status, etag: /^sip-etag:\s*(\S+)/im.exec(head)?.[1] ?? '' })
    waiting.delete(branch)
  }

  const link = await openTcpLink({ gateway, port, onMessage: received })

  function ask(method: string, from: string, to: string, more: readonly string[], body = ''): Promise<Answer> {
    const branch = randomBytes(12).toString('hex')
    const lines = [
      `${method} ${to} SIP/2.0`,
      `Via: SIP/2.0/TCP 127.0.0.1:${port};branch=z9hG4bK${branch}`,
      'Max-Forwards: 70',
      `From: <${from}>;tag=${branch.slice(0, 8)}`,
      `To: <${to}>`,
      `Call-ID: ${branch}`,
      `CSeq: 1 ${method}`,
      `P-Asserted-Identity: <${from}>`,
      'Event: presence',
      'Expires: 3600',
      ...more,
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ]
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        waiting.delete(branch)
        resolve({ status: 0, etag: '' })
      }, ANSWER_WITHIN_MS)
      waiting.set(branch, (answer) => {
        clearTimeout(timer)
        resolve(answer)
      })
      link.transmit(Buffer.from(lines.join('\r\n')))
    })
  }

  const uri = (user: string): string => `sip:${user}@${domain}`
  return {
    publish(user, note, etag) {
      const more = ['Content-Type: application/pidf+xml', ...(etag === undefined ? [] : [`SIP-If-Match: ${etag}`])]
      return ask('PUBLISH', uri(user), uri(user), more, document(uri(user), note))
    },
    async subscribe(watcher, user) {
      const contact = `Contact: <sip:${watcher}@127.0.0.1:${port};transport=tcp>`
      return (await ask('SUBSCRIBE', uri(watcher), uri(user), [contact, 'Accept: application/pidf+xml'])).status
    },
    notified: (count) =>
      notifications >= count
        ? Promise.resolve()
        : new Promise((resolve) => {
            awaited = { count, resolve }
          }),
    count: () => notifications,
    close: link.close,
  }
}

const document = (entity: string, note: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${entity}">` +
  `<tuple id="phone"><status><basic>open</basic></status><contact priority="0.800">${entity}</contact>` +
  `<note>${note}</note></tuple></presence>\n`
