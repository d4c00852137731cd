import type { SipHeaders } from '../headers.js'
import type { IncomingRequest } from '../link.js'
import type { SipAnswer } from '../port.js'
import type { CarriedRequest, Leg } from '../session-port.js'
import type { SipExchange } from '../stack.js'

/** Headers that mean the same on the other side. */
const ASKED = [
  ...['Refer-To', 'Refer-Sub', 'Referred-By', 'Require', 'Supported', 'Event', 'Subscription-State'],
  ...['Info-Package', 'Content-Type', 'Content-Disposition', 'Content-ID'],
]
const ANSWERED = ['Refer-Sub', 'Unsupported', 'Warning', 'Retry-After']
/** Requests whose notifications may still come. */
const REMEMBERED = 100

/** What passes through one leg from and to another, where two legs are one session. */
export interface Passage {
  to(other: Pick<Leg, 'carry'>): void
  isOpen(): boolean
  /** A request of the peer, to the other leg. */
  receive(request: IncomingRequest): Promise<SipAnswer>
  /** A request from the other leg, to the peer. */
  carry(request: CarriedRequest): Promise<SipAnswer>
}

export function createPassage(
  send: (request: Pick<CarriedRequest, 'method' | 'headers' | 'body'>) => Promise<SipExchange>,
): Passage {
  let other: Pick<Leg, 'carry'> | undefined
  /** By our CSeq of a REFER that of the one who asked: notifications name it (RFC 3515 §2.4.6). */
  const referred = new Map<number, number>()
  let carrying: Promise<unknown> = Promise.resolve()

  async function sent(request: CarriedRequest): Promise<SipAnswer> {
    const exchange = await send(request)
    if (exchange.kind !== 'answered') return { status: exchange.kind === 'silent' ? 408 : 503 }
    const { status, reason, headers } = exchange
    if (request.method === 'REFER' && status < 300) remember(sequenceOf(headers), request.sequence)
    return { status, reason, headers: those(ANSWERED, headers) }
  }

  function remember(ours: number, theirs: number): void {
    referred.set(ours, theirs)
    const [oldest] = referred.keys()
    if (referred.size > REMEMBERED && oldest !== undefined) referred.delete(oldest)
  }

  /** A notification may overtake the answer to its REFER. */
  async function named(headers: Record<string, string>): Promise<Record<string, string>> {
    const [, id] = /^\s*refer\s*;\s*id=(\d+)/i.exec(headers.Event ?? '') ?? []
    if (id === undefined) return headers
    await carrying
    return { ...headers, Event: `refer;id=${referred.get(Number(id)) ?? id}` }
  }

  return {
    to(leg) {
      other = leg
    },
    isOpen: () => other !== undefined,
    async receive({ method, headers, body }) {
      if (!other) return { status: 405 }
      return other.carry({ method, headers: await named(those(ASKED, headers)), body, sequence: sequenceOf(headers) })
    },
    carry(request) {
      const answer = sent(request)
      carrying = answer
      return answer
    },
  }
}

const sequenceOf = (headers: SipHeaders): number => Number.parseInt(headers.get('cseq') ?? '0', 10)

function those(names: readonly string[], headers: SipHeaders): Record<string, string> {
  const there = names.flatMap((name) => {
    const value = headers.get(name.toLowerCase())
    return value === undefined ? [] : [[name, value] as const]
  })
  return Object.fromEntries(there)
}
