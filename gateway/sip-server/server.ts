import { type Clock, systemClock } from '../cpm/clock.js'
import { CallRecords } from './control/call-records.js'
import type { SipCommand } from './control/command.js'
import type { ControlClient } from './control/control-client.js'
import { ControlServer } from './control/control-server.js'
import { type HostPort, hostPort } from './host-port.js'
import type { SipResponse } from './message/message.js'
import { type MessageLimits, parseHead } from './message/parse.js'
import type { ReceivedMessage } from './message/received.js'
import type { PeerLimits, SipServer, SipServerOptions } from './options.js'
import { PassThrough } from './proxy/pass-through.js'
import { ProxyCore } from './proxy/proxy-core.js'
import { RegisteredFlows } from './registered-flows.js'
import { Statistics } from './statistics.js'
import { RequestSender } from './transaction/request-sender.js'
import { Courier } from './transport/courier.js'
import type { Flow } from './transport/flow.js'
import { advertisedHost, parseListenAddress } from './transport/listen-address.js'
import { Network } from './transport/network.js'
import { type Resolver, systemResolver } from './transport/resolver.js'
import { SourceLimits } from './transport/source-limits.js'
import { createUserAgent, type UserAgent } from './user-agent.js'

export type { SipServer, SipServerOptions, SipServerStats } from './options.js'

const DEFAULT_PREFER_TCP_ABOVE = 1300
const DEFAULT_MAX_PENDING = 10_000
const MAX_CONNECTIONS = 10_000
const MAX_CONNECTIONS_PER_SOURCE = 1_000
const MAX_HEAD_BYTES = 128 * 1024
const MAX_HEADERS = 256
/** drachtio-srf looks at the number only, to know what the server can do. */
const VERSION = 'v0.9.5-causeway'
/** What a client may say in one frame is limited there; as SIP it may be as large. */
const CLIENT_LIMITS: MessageLimits = {
  maxHeadBytes: Number.MAX_SAFE_INTEGER,
  maxHeaders: 1000,
  maxMessageBytes: Number.MAX_SAFE_INTEGER,
}

/**
 * Starts the embedded SIP server in this thread. Rejects when an address is malformed (TypeError) or cannot be bound.
 */
export async function startSipServer(
  options: SipServerOptions,
  clock: Clock = systemClock,
  resolver: Resolver = systemResolver(),
): Promise<SipServer> {
  const addresses = options.listen.map(parseListenAddress)
  const statistics = new Statistics()
  const registeredFlows = new RegisteredFlows(clock)
  const limits = { maxHeadBytes: MAX_HEAD_BYTES, maxHeaders: MAX_HEADERS, maxMessageBytes: options.maxMessageBytes }

  const receive = (received: ReceivedMessage, flow: Flow) => {
    const { message } = received
    if (message.kind === 'request') agent.receive(received, message, flow)
    else receiveResponse(received, message, flow)
  }
  const receiveResponse = (received: ReceivedMessage, response: SipResponse, flow: Flow) => {
    statistics.responseIn()
    if (received.fault) statistics.parseError(received.fault)
    const known = passThrough.response(received, response) || sender.receive(received, response, flow)
    if (!known) statistics.dropped('strayResponse')
  }
  const network = new Network({
    limits,
    clock,
    sources: sourceLimits(options.limits ?? {}, clock),
    tls: options.tls,
    events: {
      message: receive,
      garbage: () => statistics.parseError('garbage'),
      dropped: (reason) => statistics.dropped(reason),
      error: () => statistics.transportError(),
      closed: (flow) => registeredFlows.closed(flow),
    },
  })
  const endpoints = (wildcard: (bound: string) => string) =>
    network.listening.map(({ transport, host, port }) => `${transport}/${hostPort({ host: wildcard(host), port })}`)
  const control = new ControlServer({
    address: options.control,
    secret: options.control.secret,
    clock,
    greeting: () => [
      endpoints((bound) => advertisedHost(bound, '')).join(),
      VERSION,
      endpoints((bound) => bound).join(),
    ],
    sip: (client, command) => obey(client, command),
    proxy: (client, command) => proxy.obey(client, command),
    lost: (client) => agent.clientLost(client),
  })
  const preferTcpAbove = options.preferTcpAbove ?? DEFAULT_PREFER_TCP_ABOVE
  const courier = new Courier(network, clock, resolver)
  const sender = new RequestSender({ clock, statistics, courier })
  const isOwn = (address: HostPort) => network.isOwn(address)
  const records = new CallRecords(
    (verb) => control.next(verb),
    () => clock.now(),
  )
  const forwarding = { clock, network, statistics, registeredFlows, preferTcpAbove, sender, courier, records, isOwn }
  const passThrough = new PassThrough(forwarding)
  const proxy = new ProxyCore({ ...forwarding, take: (client, id) => agent.take(client, id) })
  const agent = createUserAgent({
    ...forwarding,
    passThrough,
    maxPending: options.maxPendingRequests ?? DEFAULT_MAX_PENDING,
    nextClient: (method) => control.next(method),
    cancelledForwarded: (id, cancel) => proxy.cancelled(id, cancel),
  })
  const obey = sipCommands(agent)

  const stop = async () => {
    agent.clear()
    courier.clear()
    await Promise.all([control.close(), network.close()])
  }
  try {
    for (const address of addresses) await network.listen(address)
    const bound = await control.listen()
    return {
      control: bound,
      listening: network.listening.map((address) => `${address.transport}:${hostPort(address)}`),
      stats: async () =>
        statistics.snapshot({
          ...agent.gauges(),
          clientTransactions: sender.size,
          tcpConnections: network.tcpConnections,
          tlsConnections: network.tlsConnections,
          webSocketConnections: network.webSocketConnections,
          controlClients: control.size,
          forwarding: proxy.size,
        }),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function sourceLimits(limits: PeerLimits, clock: Clock): SourceLimits {
  const messagesPerSecond = limits.messagesPerSecond ?? 0
  return new SourceLimits({
    clock,
    messagesPerSecond,
    burst: limits.burst ?? messagesPerSecond,
    maxConnections: limits.connections ?? MAX_CONNECTIONS,
    maxConnectionsPerSource: limits.connectionsPerSource ?? MAX_CONNECTIONS_PER_SOURCE,
    unlimited: limits.unlimited ?? [],
  })
}

/** Reads the SIP message of a `sip` command and gives it to whom it concerns. */
function sipCommands(agent: UserAgent) {
  return (client: ControlClient, command: SipCommand): void => {
    const headEnd = command.text.indexOf('\r\n\r\n')
    const head = headEnd < 0 ? command.text.replace(/(\r\n)+$/, '') : command.text.slice(0, headEnd)
    const body = headEnd < 0 ? '' : command.text.slice(headEnd + 4)
    const parsed = parseHead(head, CLIENT_LIMITS)
    if (parsed && parsed.fault !== 'requestLine') agent.obey(client, command, parsed.message, body)
    else client.reply(command.id, 'NOK', `invalid request-uri: ${head.split('\r\n', 1)[0]}`)
  }
}
