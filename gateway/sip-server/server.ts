import { type Clock, systemClock } from '../cpm/clock.js'
import { CallRecords } from './control/call-records.js'
import type { SipCommand } from './control/command.js'
import type { ControlClient } from './control/control-client.js'
import { ControlServer } from './control/control-server.js'
import { DialogArrivals } from './dialog/dialog-arrivals.js'
import { DialogCommands } from './dialog/dialog-commands.js'
import { DialogSender } from './dialog/dialog-sender.js'
import { DialogTable } from './dialog/dialog-table.js'
import { orphan } from './dialog/orphans.js'
import { SessionTimers } from './dialog/session-timers.js'
import { type HostPort, hostPort } from './host-port.js'
import { IncomingRequests } from './incoming-requests.js'
import { IncomingInvites } from './invite/incoming-invites.js'
import { OutgoingInvites } from './invite/outgoing-invites.js'
import { OutgoingSubscriptions } from './invite/outgoing-subscriptions.js'
import type { SipResponse } from './message/message.js'
import { type MessageLimits, parseHead } from './message/parse.js'
import type { ReceivedMessage } from './message/received.js'
import type { PeerLimits, SipServer, SipServerOptions } from './options.js'
import { OutgoingRequests } from './outgoing-requests.js'
import { PassThrough } from './proxy/pass-through.js'
import { ProxyCore } from './proxy/proxy-core.js'
import { RegisteredFlows } from './registered-flows.js'
import { Statistics } from './statistics.js'
import { RequestSender } from './transaction/request-sender.js'
import { ResponseSender } from './transaction/response-sender.js'
import { Courier } from './transport/courier.js'
import type { Flow } from './transport/flow.js'
import { advertisedHost, parseListenAddress } from './transport/listen-address.js'
import { Network } from './transport/network.js'
import { type Resolver, systemResolver } from './transport/resolver.js'
import { SourceLimits } from './transport/source-limits.js'

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
    if (message.kind === 'request') incoming.receive(received, message, flow)
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
    lost: (client) => {
      incoming.clientLost(client)
      incomingInvites.clientLost(client)
      outgoingInvites.clientLost(client)
      orphan(client, dialogs, dialogSender, clock)
    },
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
  const take = (client: ControlClient, id: string) => incoming.take(client, id) ?? incomingInvites.take(client, id)
  const proxy = new ProxyCore({ ...forwarding, take })

  const dialogs = new DialogTable()
  const sending = { clock, network, preferTcpAbove, sender, registeredFlows, dialogs, records }
  const dialogSender = new DialogSender(sending)
  const sessions = new SessionTimers(clock, dialogSender)
  const responses = new ResponseSender(network, statistics)
  const admission = {
    maxPending: options.maxPendingRequests ?? DEFAULT_MAX_PENDING,
    nextClient: (method: string) => control.next(method),
  }
  const incomingInvites = new IncomingInvites({
    ...sending,
    ...admission,
    statistics,
    responses,
    dialogSender,
    sessions,
    cancelledForwarded: (id, cancel) => proxy.cancelled(id, cancel),
  })
  const outgoingInvites = new OutgoingInvites({ ...sending, dialogSender, sessions })
  const subscriptions = new OutgoingSubscriptions(sending)
  const dialogArrivals = new DialogArrivals({ clock, network, dialogs, sessions, records, invites: incomingInvites })
  const incoming = new IncomingRequests({
    clock,
    statistics,
    registeredFlows,
    ...admission,
    passThrough,
    responses,
    dialogs,
    dialogArrivals,
    subscriptions,
    invites: incomingInvites,
  })
  const outgoing = new OutgoingRequests({ ...sending, invites: outgoingInvites, subscriptions })
  const within = new DialogCommands({
    ...sending,
    dialogSender,
    sessions,
    invites: outgoingInvites,
    ended: (dialog) => incomingInvites.dialogEnded(dialog),
  })
  const obey = sipCommands({ incoming, outgoing, outgoingInvites, within })

  const stop = async () => {
    incoming.clear()
    incomingInvites.clear()
    outgoingInvites.clear()
    subscriptions.clear()
    dialogs.clear()
    sender.clear()
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
          serverTransactions: incoming.transactions + incomingInvites.transactions,
          clientTransactions: sender.size,
          dialogs: dialogs.size,
          tcpConnections: network.tcpConnections,
          tlsConnections: network.tlsConnections,
          webSocketConnections: network.webSocketConnections,
          controlClients: control.size,
          forwarding: proxy.size,
          pendingRequests: incoming.pending + incomingInvites.pending,
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
function sipCommands({ incoming, outgoing, outgoingInvites, within }: CommandTargets) {
  return (client: ControlClient, command: SipCommand): void => {
    const headEnd = command.text.indexOf('\r\n\r\n')
    const head = headEnd < 0 ? command.text : command.text.slice(0, headEnd)
    const body = headEnd < 0 ? '' : command.text.slice(headEnd + 4)
    const parsed = parseHead(head.replace(/(\r\n)+$/, ''), CLIENT_LIMITS)
    const message = parsed?.message
    if (!message || parsed.fault === 'requestLine') {
      client.reply(command.id, 'NOK', `invalid request-uri: ${head.split('\r\n', 1)[0]}`)
    } else if (message.kind === 'response') incoming.answer(client, command, message, body)
    else if (message.method === 'CANCEL') outgoingInvites.cancel(client, command, message)
    else if (command.dialogId !== '') within.send(client, command, message, body)
    else outgoing.send(client, command, message, body)
  }
}

interface CommandTargets {
  readonly incoming: IncomingRequests
  readonly outgoing: OutgoingRequests
  readonly outgoingInvites: OutgoingInvites
  readonly within: DialogCommands
}
