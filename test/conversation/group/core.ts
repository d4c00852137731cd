import { createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { onTestFinished } from 'vitest'
import { answerTo, header, headerAll, readSip, type SipText, writeSip } from '../../../scripts/rig/sip-text.js'

/** A SIP/IP core between several gateways: a stateless proxy (RFC 3261 §16.11) that routes by the domain of the Request-URI. */
export interface RelayingCore {
  readonly uri: string
  /** `to`: the port of the gateway that serves the domain, or what answers for its users. */
  serves(domain: string, to: number | ((request: SipText) => number)): void
  /** Requests that have passed, `METHOD uri`. */
  readonly passed: string[]
  /** Sends a request of a user; resolves with the final status. */
  send(from: string, target: string, body: string): Promise<number>
}

export async function openRelayingCore(): Promise<RelayingCore> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  onTestFinished(() => void socket.close())
  const { port } = socket.address()
  const routes = new Map<string, number | ((request: SipText) => number)>()
  const pending = new Map<string, (status: number) => void>()
  const passed: string[] = []
  const own = `127.0.0.1:${port}`
  let sequence = 0

  socket.on('message', (octets, from) => {
    const message = readSip(octets)
    if (!message) return
    if (message.status > 0) return back(message)
    const answer = (status: number) => void socket.send(answerTo(message, status, 'Said'), from.port, from.address)
    const route = routes.get(/@([^;:>\s]+)/.exec(message.startLine)?.[1] ?? '')
    const left = Number(header(message, 'Max-Forwards')) - 1
    if (left < 0) return answer(483)
    if (route === undefined) return answer(404)
    if (typeof route === 'function') return answer(route(message))
    passed.push(message.startLine.replace(' SIP/2.0', ''))
    onward(message, route, left)
  })

  function onward(request: SipText, to: number, maxForwards: number): void {
    const [via = ''] = headerAll(request, 'via')
    const branch = `z9hG4bK${createHash('sha1').update(via).digest('hex')}`
    const headers = request.headers.filter(([name]) => !/^(max-forwards|route)$/i.test(name))
    const octets = writeSip(
      request.startLine,
      [['Via', `SIP/2.0/UDP ${own};branch=${branch}`], ['Max-Forwards', String(maxForwards)], ...headers],
      request.body,
    )
    socket.send(octets, to, '127.0.0.1')
  }

  function back(response: SipText): void {
    const branch = /branch=([^;,\s]+)/.exec(header(response, 'via'))?.[1] ?? ''
    const waiting = pending.get(branch)
    if (waiting) {
      if (response.status >= 200) waiting(response.status)
      return
    }
    const first = response.headers.findIndex(([name]) => name.toLowerCase() === 'via')
    // Several may stand in one line.
    const [, ...others] = (response.headers[first]?.[1] ?? '').split(/\s*,\s*/)
    const headers = response.headers.flatMap(([name, value], index): [string, string][] => {
      if (index !== first) return [[name, value]]
      return others.length > 0 ? [[name, others.join(', ')]] : []
    })
    const next = /127\.0\.0\.1:(\d+)/.exec(header({ headers }, 'via'))?.[1]
    const rport = /rport=(\d+)/.exec(header({ headers }, 'via'))?.[1]
    socket.send(writeSip(response.startLine, headers, response.body), Number(rport ?? next), '127.0.0.1')
  }

  return {
    uri: `sip:${own}`,
    passed,
    serves: (domain, to) => void routes.set(domain, to),
    send(from, target, body) {
      const branch = `z9hG4bKuser${++sequence}`
      const octets = writeSip(
        `MESSAGE ${target} SIP/2.0`,
        [
          ['Via', `SIP/2.0/UDP ${own};branch=${branch}`],
          ['Max-Forwards', '70'],
          ['From', `<${from}>;tag=u`],
          ['To', `<${target}>`],
          ['Call-ID', branch],
          ['CSeq', '1 MESSAGE'],
          ['P-Asserted-Identity', `<${from}>`],
          ['Content-Type', 'message/cpim'],
        ],
        body,
      )
      const to = routes.get(/@([^;:>\s]+)/.exec(target)?.[1] ?? '')
      return new Promise((resolve) => {
        pending.set(branch, resolve)
        socket.send(octets, typeof to === 'number' ? to : 0, '127.0.0.1')
      })
    },
  }
}
