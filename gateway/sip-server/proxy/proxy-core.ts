import type { ControlClient } from '../control/control-client.js'
import type { ProxyCommand } from '../control/proxy-command.js'
import type { HeaderField, SipRequest } from '../message/message.js'
import { type MessageLimits, parseHead } from '../message/parse.js'
import { parseUri } from '../message/uri.js'
import { refuseToForward } from './admission.js'
import { ProxiedRequest, type ProxiedRequestContext } from './proxied-request.js'
import { MAX_TARGETS } from './response-context.js'
import type { Upstream } from './upstream.js'

const ADDED_LIMITS: MessageLimits = { maxHeadBytes: 128 * 1024, maxHeaders: 256, maxMessageBytes: 128 * 1024 }
const SCHEMES = new Set(['sip', 'sips', 'tel'])

export interface ProxyCoreOptions extends ProxiedRequestContext {
  /** Takes a waiting request from its client; undefined when none of that id waits for it. */
  readonly take: (client: ControlClient, transactionId: string) => Upstream | undefined
}

/** Requests that clients have forwarded instead of answering them (RFC 3261 §16). */
export class ProxyCore {
  readonly #options: ProxyCoreOptions
  /** By the transaction id of the request received. */
  readonly #active = new Map<string, ProxiedRequest>()

  constructor(options: ProxyCoreOptions) {
    this.#options = options
  }

  /** Requests being forwarded whose end the application does not know yet. */
  get size(): number {
    return this.#active.size
  }

  obey(client: ControlClient, command: ProxyCommand): void {
    const fault = faultOf(command)
    const upstream = fault === undefined ? this.#options.take(client, command.transactionId) : undefined
    if (fault !== undefined) client.reply(command.id, 'NOK', fault)
    else if (upstream) this.#forward(client, command, upstream)
    else client.reply(command.id, 'NOK', `Unknown transaction id: ${command.transactionId}`)
  }

  /** The caller has cancelled a request that may be here; he has been answered. */
  cancelled(transactionId: string, cancel: SipRequest): void {
    this.#active.get(transactionId)?.cancelled(cancel)
  }

  #forward(client: ControlClient, command: ProxyCommand, upstream: Upstream): void {
    const refusal = refuseToForward(upstream.request)
    if (refusal) {
      upstream.refuse(refusal)
      const cause = refusal.status === 483 ? ' due to Max-Forwards value of 0' : ''
      client.reply(command.id, 'NOK', `Rejected with ${refusal.status} ${refusal.reason}${cause}`)
      return
    }
    const done = () => this.#active.delete(command.transactionId)
    const request = new ProxiedRequest({ command, client, upstream, added: addedHeaders(command), done }, this.#options)
    this.#active.set(command.transactionId, request)
    request.start()
  }
}

/** Why a command cannot be obeyed; the request still waits for the client then. */
function faultOf({ destinations }: ProxyCommand): string | undefined {
  if (destinations.length === 0) return 'no destination'
  if (destinations.length > MAX_TARGETS) return `more than ${MAX_TARGETS} destinations`
  const bad = destinations.find((destination) => !SCHEMES.has(parseUri(destination)?.scheme ?? ''))
  return bad === undefined ? undefined : `invalid destination: ${bad}`
}

function addedHeaders({ text }: ProxyCommand): readonly HeaderField[] {
  const headEnd = text.indexOf('\r\n\r\n')
  const head = headEnd < 0 ? text : text.slice(0, headEnd)
  return parseHead(head.replace(/(\r\n)+$/, ''), ADDED_LIMITS)?.message.headers ?? []
}
