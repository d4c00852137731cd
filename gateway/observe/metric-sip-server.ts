import { Counter, Gauge, type Registry } from 'prom-client'
import type { SipServerStats } from '../sip-server/options.js'

interface Row {
  /** After `causeway_sip_server_`; a counter ends in `_total`, anything else is a gauge. */
  readonly name: string
  readonly help: string
  /** With a label there is one series for each key of what is read. */
  readonly label?: string
  read(stats: SipServerStats): number | Readonly<Record<string, number>>
}

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0)

const ROWS: readonly Row[] = [
  {
    name: 'requests_total',
    help: 'SIP requests at the embedded server by direction, without retransmissions.',
    label: 'direction',
    read: ({ requestsIn, requestsOut }) => ({ in: sum(requestsIn), out: requestsOut }),
  },
  {
    name: 'responses_total',
    help: 'SIP responses at the embedded server by direction.',
    label: 'direction',
    read: ({ responsesIn, responsesOut }) => ({ in: responsesIn, out: sum(responsesOut) }),
  },
  {
    name: 'retransmissions_total',
    help: 'SIP messages that came again (in) or were sent again (out). Growth means loss, or a peer that is too slow.',
    label: 'direction',
    read: (stats) => ({ in: stats.retransmissionsIn, out: stats.retransmissionsOut }),
  },
  { name: 'timeouts_total', help: 'Client transactions without a final answer.', read: ({ timeouts }) => timeouts },
  {
    name: 'transport_errors_total',
    help: 'SIP messages that could not be sent: no connection, or a closed port.',
    read: ({ transportErrors }) => transportErrors,
  },
  {
    name: 'dropped_total',
    help: 'SIP messages and connections that were given up, by why.',
    label: 'why',
    read: ({ dropped }) => dropped,
  },
  {
    name: 'parse_errors_total',
    help: 'Octets that were no proper SIP, by what was wrong.',
    label: 'what',
    read: ({ parseErrors }) => parseErrors,
  },
  {
    name: 'forwarded_total',
    help: 'Requests forwarded (proxied), and requests of their dialogs that passed by.',
    label: 'how',
    read: ({ proxied, passedThrough }) => ({ proxied, passed: passedThrough }),
  },
  { name: 'forwarding', help: 'Requests being forwarded.', read: ({ forwarding }) => forwarding },
  {
    name: 'transactions',
    help: 'SIP transactions alive at the embedded server, by side.',
    label: 'side',
    read: ({ serverTransactions, clientTransactions }) => ({ server: serverTransactions, client: clientTransactions }),
  },
  { name: 'dialogs', help: 'SIP dialogs alive, early ones too.', read: ({ dialogs }) => dialogs },
  {
    name: 'connections',
    help: 'Connections open at the embedded server, by transport.',
    label: 'transport',
    read: (stats) => ({ tcp: stats.tcpConnections, tls: stats.tlsConnections, ws: stats.webSocketConnections }),
  },
  {
    name: 'pending_requests',
    help: 'Requests handed to the gateway and not answered by it yet.',
    read: ({ pendingRequests }) => pendingRequests,
  },
]

/** Registers what the embedded SIP server counts. What it does not answer is missing from that scrape. */
export function observeSipServer(registry: Registry, ask: () => Promise<SipServerStats>): void {
  for (const { name, help, label, read } of ROWS) {
    const options = {
      name: `causeway_sip_server_${name}`,
      help,
      labelNames: label ? [label] : [],
      registers: [registry],
    }
    const series = async (): Promise<readonly (readonly [Record<string, string>, number])[]> => {
      const stats = await ask().catch(() => undefined)
      if (stats === undefined) return []
      const found = read(stats)
      if (typeof found === 'number') return [[{}, found]]
      return Object.entries(found).map(([value, count]) => [label ? { [label]: value } : {}, count])
    }
    const collect = async (it: { reset(): void }, set: (labels: Record<string, string>, value: number) => void) => {
      const found = await series()
      it.reset()
      for (const [labels, value] of found) set(labels, value)
    }
    if (name.endsWith('_total')) {
      new Counter({
        ...options,
        collect() {
          return collect(this, (labels, value) => this.inc(labels, value))
        },
      })
    } else {
      new Gauge({
        ...options,
        collect() {
          return collect(this, (labels, value) => this.set(labels, value))
        },
      })
    }
  }
}
