import { randomBytes } from 'node:crypto'
import { FleetingMap } from '../../gateway/cpm/fleeting-map.js'
import { type CoreLink, openTcpLink, openUdpLink } from './core-link.js'
import { contentOf, type Picture, textOfContent } from './picture.js'
import { MESSAGE_SERVICE } from './user-agent.js'

/**
 * A SIP/IP core under load, as the gateway sees one: MESSAGEs of many users come from here, and what the gateway has
 * for them (notifications, messages from outside) arrives here. UDP, own retransmissions, nothing kept but what is counted.
 */
export interface CoreLoad {
  readonly port: number
  readonly counts: LoadCounts
  /** Sends one message; resolves with the final status, 0 when none came in 32 s. */
  send(message: LoadMessage): Promise<number>
  close(): void
}

export interface LoadMessage {
  readonly id: string
  readonly text: string
  /** Digits of the originator and the recipient. */
  readonly from: string
  readonly to: string
  /** URI of a recipient without a number, in place of `to`. */
  readonly target?: string
  readonly report: boolean
  /** Goes along with the text. */
  readonly picture?: Picture
}

export interface LoadCounts {
  sent: number
  accepted: number
  refused: number
  unanswered: number
  retransmitted: number
  notifications: number
  inbound: number
}

export interface LoadEvents {
  /** An IMDN, once for each transaction in which one came. */
  readonly onNotification?: (messageId: string, status: string) => void
  /** A message from outside, once for each transaction. */
  readonly onInbound?: (messageId: string, text: string, body: string) => void
}

export interface CoreLoadOptions extends LoadEvents {
  readonly gateway: { readonly host: string; readonly port: number }
  readonly domain: string
  readonly port: number
  /** Default udp. */
  readonly transport?: 'udp' | 'tcp'
}

interface Pending {
  readonly octets: Buffer
  readonly resolve: (status: number) => void
  readonly startedAt: number
  nextAt: number
  wait: number
}

const T1_MS = 500
const T2_MS = 4_000
const GIVE_UP_MS = 64 * T1_MS
const SCAN_MS = 100
/** Transactions remembered for retransmissions of requests: those of 32 s and a few more. */
const REMEMBERED = 200_000
const BRANCH = /branch=([^;,\s]+)/
/** What an answer repeats of its request (RFC 3261 §8.2.6). */
const REPEATED = /^(?:via|from|to|call-id|cseq|[vfti])[ \t]*:/i

export async function openCoreLoad(options: CoreLoadOptions): Promise<CoreLoad> {
  const counts: LoadCounts = {
    sent: 0,
    accepted: 0,
    refused: 0,
    unanswered: 0,
    retransmitted: 0,
    notifications: 0,
    inbound: 0,
  }
  const ownBranches = `z9hG4bK${randomBytes(8).toString('hex')}`
  const pending = new FleetingMap<string, Pending>()
  const answered = new Map<string, Buffer>()
  const open = options.transport === 'tcp' ? openTcpLink : openUdpLink
  const link = await open({
    gateway: options.gateway,
    port: options.port,
    onMessage(data, answer) {
      if (data.subarray(0, 8).toString('latin1') === 'SIP/2.0 ') takeAnswer(data)
      else takeRequest(data, answer)
    },
  })

  function takeAnswer(data: Buffer): void {
    const status = Number(data.toString('latin1', 8, 11))
    if (status < 200) return
    const head = data.toString('latin1', 0, Math.min(data.length, 400))
    const waiting = pending.take(BRANCH.exec(head)?.[1] ?? '')
    if (waiting === undefined) return
    if (status < 300) counts.accepted++
    else counts.refused++
    waiting.resolve(status)
  }

  function takeRequest(data: Buffer, reply: (octets: Buffer) => void): void {
    const end = data.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = data.toString('latin1', 0, end)
    const branch = BRANCH.exec(head)?.[1] ?? ''
    const before = answered.get(branch)
    const isMessage = head.startsWith('MESSAGE ')
    const answer = before ?? answerFor(head, isMessage ? '200 OK' : '405 Method Not Allowed')
    reply(answer)
    if (before !== undefined || !isMessage) return
    answered.set(branch, answer)
    if (answered.size > REMEMBERED) forgetOldest(answered)
    count(data.toString('utf8', end + 4))
  }

  function count(body: string): void {
    if (body.includes('message/imdn+xml')) {
      counts.notifications++
      const id = /<message-id>([^<]+)</.exec(body)?.[1] ?? ''
      options.onNotification?.(id, /<status>\s*<([\w-]+)/.exec(body)?.[1] ?? '')
    } else {
      counts.inbound++
      const id = /imdn\.Message-ID: ?(\S+)/.exec(body)?.[1] ?? ''
      options.onInbound?.(id, textOfContent(body), body)
    }
  }

  const scan = setInterval(() => {
    const now = Date.now()
    for (const [branch, waiting] of pending.entries()) {
      if (now - waiting.startedAt > GIVE_UP_MS) {
        pending.take(branch)
        counts.unanswered++
        waiting.resolve(0)
      } else if (link.transport === 'UDP' && now >= waiting.nextAt) {
        waiting.wait = Math.min(waiting.wait * 2, T2_MS)
        waiting.nextAt = now + waiting.wait
        counts.retransmitted++
        link.transmit(waiting.octets)
      }
    }
  }, SCAN_MS)

  return {
    port: link.port,
    counts,
    send(message) {
      const branch = `${ownBranches}${counts.sent.toString(36)}`
      const octets = Buffer.from(messageText(message, branch, link, options))
      const now = Date.now()
      counts.sent++
      link.transmit(octets)
      return new Promise((resolve) => {
        pending.set(branch, { octets, resolve, startedAt: now, wait: T1_MS, nextAt: now + T1_MS })
      })
    },
    close() {
      clearInterval(scan)
      link.close()
    },
  }
}

/** A 200 that costs the measurement little: the lines are taken as they are. */
function answerFor(head: string, status: string): Buffer {
  const lines = head.split('\r\n').filter((line) => REPEATED.test(line))
  const tagged = lines.map((line) => (/^(?:to|t)[ \t]*:(?!.*;[ \t]*tag=)/i.test(line) ? `${line};tag=rig` : line))
  return Buffer.from(`SIP/2.0 ${status}\r\n${tagged.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`, 'latin1')
}

function forgetOldest(map: Map<string, Buffer>): void {
  const [oldest] = map.keys()
  if (oldest !== undefined) map.delete(oldest)
}

/** The request as an S-CSCF hands it to the originating function. */
function messageText(message: LoadMessage, branch: string, link: CoreLink, options: CoreLoadOptions): string {
  const from = `sip:+${message.from}@${options.domain}`
  const to = message.target ?? `sip:+${message.to}@${options.domain};user=phone`
  const report = message.report ? 'imdn.Disposition-Notification: positive-delivery, negative-delivery\r\n' : ''
  const body =
    `From: <${from}>\r\nTo: <${message.target ?? `tel:+${message.to}`}>\r\nDateTime: ${new Date().toISOString()}\r\n` +
    `NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: ${message.id}\r\n${report}\r\n` +
    contentOf(message.text, message.picture)
  return (
    `MESSAGE ${to} SIP/2.0\r\nVia: SIP/2.0/${link.transport} 127.0.0.1:${link.port};branch=${branch};rport\r\nMax-Forwards: 70\r\n` +
    `Route: <sip:orig@${options.gateway.host}:${options.gateway.port};lr>\r\n` +
    `From: <${from}>;tag=${branch.slice(-8)}\r\nTo: <${to}>\r\nCall-ID: ${branch}\r\nCSeq: 1 MESSAGE\r\n` +
    `P-Asserted-Identity: <${from}>, <tel:+${message.from}>\r\nP-Asserted-Service: ${MESSAGE_SERVICE}\r\n` +
    `Content-Type: message/cpim\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}
