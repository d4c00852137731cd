import type { Clock } from '../cpm/clock.js'
import type { CallRecords } from './control/call-records.js'
import type { SipCommand } from './control/command.js'
import type { ControlClient } from './control/control-client.js'
import { DialogArrivals } from './dialog/dialog-arrivals.js'
import { DialogCommands } from './dialog/dialog-commands.js'
import { DialogSender } from './dialog/dialog-sender.js'
import { DialogTable } from './dialog/dialog-table.js'
import { orphan } from './dialog/orphans.js'
import { SessionTimers } from './dialog/session-timers.js'
import { IncomingRequests } from './incoming-requests.js'
import { IncomingInvites } from './invite/incoming-invites.js'
import { OutgoingInvites } from './invite/outgoing-invites.js'
import { OutgoingSubscriptions } from './invite/outgoing-subscriptions.js'
import type { SipMessage, SipRequest } from './message/message.js'
import type { ReceivedMessage } from './message/received.js'
import { OutgoingRequests } from './outgoing-requests.js'
import type { PassThrough } from './proxy/pass-through.js'
import type { Upstream } from './proxy/upstream.js'
import type { RegisteredFlows } from './registered-flows.js'
import type { Statistics } from './statistics.js'
import type { RequestSender } from './transaction/request-sender.js'
import { ResponseSender } from './transaction/response-sender.js'
import type { Flow } from './transport/flow.js'
import type { Network } from './transport/network.js'

export interface UserAgentOptions {
  readonly clock: Clock
  readonly network: Network
  readonly statistics: Statistics
  readonly registeredFlows: RegisteredFlows
  readonly sender: RequestSender
  readonly records: CallRecords
  readonly passThrough: PassThrough
  readonly preferTcpAbove: number
  readonly maxPending: number
  readonly nextClient: (method: string) => ControlClient | undefined
  readonly cancelledForwarded: (transactionId: string, cancel: SipRequest) => void
}

/** Everything a client does as a user agent: requests both ways, and the dialogs they make. */
export interface UserAgent {
  /** A request from the network. */
  receive(received: ReceivedMessage, request: SipRequest, flow: Flow): void
  /** A message of a client. */
  obey(client: ControlClient, command: SipCommand, message: SipMessage, body: string): void
  /** Gives a request that waits for its client to the proxy. */
  take(client: ControlClient, transactionId: string): Upstream | undefined
  clientLost(client: ControlClient): void
  /** Server transactions, dialogs, and requests a client has to answer. */
  gauges(): { readonly serverTransactions: number; readonly dialogs: number; readonly pendingRequests: number }
  clear(): void
}

/** Puts the user agent together. */
export function createUserAgent(options: UserAgentOptions): UserAgent {
  const { clock, network, statistics, sender } = options
  const dialogs = new DialogTable()
  const dialogSender = new DialogSender({ ...options, dialogs })
  const sessions = new SessionTimers(clock, dialogSender)
  const responses = new ResponseSender(network, statistics)
  const context = { ...options, dialogs, dialogSender, sessions, responses }
  const incomingInvites = new IncomingInvites({ ...context, isCalling: (id) => outgoingInvites.isCalling(id) })
  const outgoingInvites: OutgoingInvites = new OutgoingInvites(context)
  const subscriptions = new OutgoingSubscriptions(context)
  const dialogArrivals = new DialogArrivals({ ...context, invites: incomingInvites })
  const incoming = new IncomingRequests({ ...context, dialogArrivals, subscriptions, invites: incomingInvites })
  const outgoing = new OutgoingRequests({ ...context, invites: outgoingInvites, subscriptions })
  const ended = incomingInvites.dialogEnded.bind(incomingInvites)
  const within = new DialogCommands({ ...context, invites: outgoingInvites, ended })

  return {
    receive: (received, request, flow) => incoming.receive(received, request, flow),
    obey: (client, command, message, body) => {
      if (message.kind === 'response') incoming.answer(client, command, message, body)
      else if (message.method === 'CANCEL') outgoingInvites.cancel(client, command, message)
      else if (command.dialogId !== '') within.send(client, command, message, body)
      else outgoing.send(client, command, message, body)
    },
    take: (client, id) => incoming.take(client, id) ?? incomingInvites.take(client, id),
    clientLost: (client) => {
      incoming.clientLost(client)
      incomingInvites.clientLost(client)
      outgoingInvites.clientLost(client)
      orphan(client, dialogs, dialogSender, clock)
    },
    gauges: () => ({
      serverTransactions: incoming.transactions + incomingInvites.transactions,
      dialogs: dialogs.size,
      pendingRequests: incoming.pending + incomingInvites.pending,
    }),
    clear: () => {
      for (const part of [incoming, incomingInvites, outgoingInvites, subscriptions, dialogs, sender]) part.clear()
    },
  }
}
