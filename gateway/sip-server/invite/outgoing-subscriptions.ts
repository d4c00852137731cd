import type { Clock } from '../../cpm/clock.js'
import { dialogOfResponse } from '../dialog/create.js'
import type { DialogTable } from '../dialog/dialog-table.js'
import { watchSubscription } from '../dialog/subscription.js'
import { tagOf } from '../message/address.js'
import { header, type SipRequest, type SipResponse } from '../message/message.js'
import { type RelayContext, type RelayedRequest, relayRequest } from '../request-relay.js'
import type { Flow } from '../transport/flow.js'

/** NOTIFYs held for one subscription that is not there yet. */
const MAX_HELD = 8
/** Time for the application to begin to listen to its new dialog: a NOTIFY often follows the answer at once. */
const SETTLE_MS = 5

interface Pending {
  /** What is to be done with the NOTIFYs that are too early. */
  readonly held: (() => void)[]
}

export interface OutgoingSubscriptionsOptions extends RelayContext {
  readonly dialogs: DialogTable
}

/** Subscriptions of the clients (RFC 6665 §4.1), also those a REFER makes. */
export class OutgoingSubscriptions {
  readonly #options: OutgoingSubscriptionsOptions
  readonly #clock: Clock
  readonly #pending = new Map<string, Pending>()

  constructor(options: OutgoingSubscriptionsOptions) {
    this.#options = options
    this.#clock = options.clock
  }

  send(asked: RelayedRequest): void {
    const { dialogs } = this.#options
    const { keepsSubscriptions } = asked.client
    const pending: Pending = { held: [] }
    const answered = (response: SipResponse, flow: Flow, request: SipRequest) => {
      if (response.status < 200 || response.status > 299 || keepsSubscriptions || dialogs.full) return true
      const contact = header(request, 'contact') ?? ''
      const dialog = dialogOfResponse({ request, response, flow, contact, owner: asked.client })
      dialog.state = 'confirmed'
      dialogs.put(dialog)
      watchSubscription(dialog, header(response, 'expires') ?? header(request, 'expires'), dialogs, this.#clock)
      return true
    }
    const relay = relayRequest(
      {
        ...asked,
        answered,
        ended: () => void this.#clock.after(SETTLE_MS, () => this.#release(key, pending)),
      },
      this.#options,
    )
    const key = pendingKey(relay.request, 'from')
    this.#pending.set(key, pending)
  }

  /**
   * Holds a NOTIFY that came before, or with, the answer to its SUBSCRIBE (RFC 6665 §4.1.2.4); `go` is called when the
   * client knows the dialog, or there is none. False if none is pending.
   */
  hold(request: SipRequest, go: () => void): boolean {
    if (request.method !== 'NOTIFY' || this.#pending.size === 0) return false
    const pending = this.#pending.get(pendingKey(request, 'to'))
    if (!pending || pending.held.length >= MAX_HELD) return false
    pending.held.push(go)
    return true
  }

  clear(): void {
    this.#pending.clear()
  }

  #release(key: string, pending: Pending): void {
    if (this.#pending.get(key) === pending) this.#pending.delete(key)
    for (const go of pending.held) go()
  }
}

/** Call-ID and our tag. */
function pendingKey(request: SipRequest, side: 'from' | 'to'): string {
  return `${header(request, 'call-id')}\n${tagOf(header(request, side) ?? '')}`
}
