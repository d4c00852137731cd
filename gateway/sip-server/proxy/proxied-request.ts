import { randomUUID } from 'node:crypto'
import type { Clock } from '../../cpm/clock.js'
import type { CallRecords } from '../control/call-records.js'
import type { ControlClient } from '../control/control-client.js'
import { proxyDonePayload, proxyResponsePayload } from '../control/payload.js'
import type { ProxyCommand } from '../control/proxy-command.js'
import { deliveredText } from '../message/delivered-text.js'
import { ownVia } from '../message/fill-request.js'
import { field, type HeaderField, type SipRequest, type SipResponse } from '../message/message.js'
import type { ReceivedMessage } from '../message/received.js'
import { parseUri } from '../message/uri.js'
import type { Statistics } from '../statistics.js'
import type { ComposedRequest, SentRequest } from '../transaction/outgoing-request.js'
import type { RequestSender } from '../transaction/request-sender.js'
import type { Flow } from '../transport/flow.js'
import { breadthOf } from './admission.js'
import type { BranchAnswer } from './best-response.js'
import { forwardedRequest, withoutOurVia } from './forwarded.js'
import { loopDigest, proxyBranch } from './loop.js'
import { type HopContext, hopParcel } from './next-hop.js'
import { type CancelCause, type ProxyAction, ResponseContext, type Target } from './response-context.js'
import { arrivedWay, type IsOwn, isOwnUri, type NextStep, nextStep } from './routing.js'
import type { Upstream } from './upstream.js'

export interface ProxiedRequestContext extends HopContext {
  readonly clock: Clock
  readonly statistics: Statistics
  readonly sender: RequestSender
  readonly records: CallRecords
  readonly isOwn: IsOwn
}

export interface ProxiedRequestOptions {
  readonly command: ProxyCommand
  readonly client: ControlClient
  readonly upstream: Upstream
  /** Headers of the application. */
  readonly added: readonly HeaderField[]
  readonly done: () => void
}

/** What the branches of one forwarded request have running. */
interface RunningBranch {
  readonly sent: SentRequest
  readonly stopTimers: () => void
}

/** What is a branch's own. */
interface Share {
  readonly branch: string
  readonly breadth: number
}

const ELSEWHERE = [field('Reason', 'SIP;cause=200;text="Call completed elsewhere"')]

/** One request on its way through the proxy: carries out what its response context decides. */
export class ProxiedRequest {
  readonly #options: ProxiedRequestOptions
  readonly #context: ProxiedRequestContext
  readonly #decisions: ResponseContext
  readonly #running = new Map<number, RunningBranch>()
  readonly #loop: string
  readonly #invite: boolean
  #cancelHeaders: readonly HeaderField[] = []
  #done = false

  constructor(options: ProxiedRequestOptions, context: ProxiedRequestContext) {
    this.#options = options
    this.#context = context
    const { command, upstream } = options
    this.#loop = loopDigest(upstream.request)
    this.#invite = upstream.request.method === 'INVITE'
    this.#decisions = new ResponseContext({
      invite: this.#invite,
      simultaneous: command.simultaneous,
      followRedirects: command.followRedirects,
      breadth: breadthOf(upstream.request),
      targets: command.destinations,
    })
  }

  start(): void {
    this.#context.statistics.proxied()
    this.#act(this.#decisions.start())
  }

  /** The caller has cancelled, and has been answered 200 and 487. */
  cancelled(cancel: SipRequest): void {
    this.#cancelHeaders = cancel.headers.filter(({ key }) => key === 'reason')
    this.#act(this.#decisions.cancelled())
  }

  #act(actions: readonly ProxyAction[]): void {
    for (const action of actions) {
      switch (action.kind) {
        case 'try':
          this.#try(action.branch, action.target, action.breadth)
          break
        case 'cancel':
          this.#running.get(action.branch)?.sent.cancel(this.#cancelHeadersFor(action.cause))
          break
        case 'forward':
          this.#forward(action.answer)
          break
        case 'done':
          this.#finish()
          break
      }
    }
  }

  #try(index: number, target: Target, breadth: number): void {
    const { upstream } = this.#options
    const step = this.#stepTo(target)
    const parcel = hopParcel(step.hop, upstream.request, upstream.body, this.#context)
    if (!parcel) {
      this.#act(this.#decisions.failed(index, 503, 'Service Unavailable'))
      return
    }
    const branch = proxyBranch(randomUUID(), this.#loop)
    const sent = this.#context.sender.send({
      method: upstream.request.method,
      branch,
      parcel,
      forwarded: true,
      compose: (flow) => this.#compose(step, { branch, breadth }, flow),
      response: (response, received, flow) => this.#answered(index, response, received, flow),
      failed: (status, reason) => {
        this.#stopTimers(index)
        this.#act(this.#decisions.failed(index, status, reason))
      },
    })
    this.#running.set(index, { sent, stopTimers: this.#startTimers(index) })
  }

  /** Request-URI and next hop for a target. */
  #stepTo(target: Target): NextStep {
    const { isOwn } = this.#context
    const way = arrivedWay(this.#options.upstream.request, isOwn)
    if (target.redirected || isOwnUri(parseUri(way.uri), isOwn)) return nextStep({ ...way, uri: target.uri })
    // The application names a next hop for a request that is meant for somebody else.
    return target.uri === way.uri ? nextStep(way) : { ...way, hop: target.uri }
  }

  #compose({ uri, routes }: NextStep, { branch, breadth }: Share, flow: Flow): ComposedRequest {
    const { upstream, command, added } = this.#options
    const local = this.#context.network.localTowards(flow.transport, flow.remote.host) ?? flow.local
    const to = { transport: flow.transport, local }
    const request = forwardedRequest(upstream.request, upstream.body, {
      way: { uri, routes },
      via: ownVia(flow.transport, local, branch),
      added,
      breadth,
      to,
      ...(command.remainInDialog ? { from: upstream.flow } : {}),
    })
    if (this.#invite) this.#context.records.attempt('application', () => deliveredText(request, upstream.body))
    return { request, body: upstream.body }
  }

  #answered(index: number, response: SipResponse, received: ReceivedMessage, flow: Flow): void {
    const own = withoutOurVia(response)
    if (response.status < 200) {
      this.#act(this.#decisions.provisional(index, own, received.body))
      return
    }
    this.#stopTimers(index)
    this.#report(response, received, flow)
    this.#act(this.#decisions.final(index, own, received.body))
  }

  #forward(answer: BranchAnswer): void {
    const { upstream } = this.#options
    if (answer.kind === 'received') upstream.forward(answer.response, answer.body)
    else upstream.refuse(answer)
  }

  /** The application hears of each final response until it is done. */
  #report(response: SipResponse, { size, body }: ReceivedMessage, flow: Flow): void {
    if (this.#done) return
    const text = deliveredText(response, body)
    if (this.#invite) this.#record(response.status, text)
    const origin = { bytes: size, transport: flow.transport, ...flow.remote, at: this.#context.clock.now() }
    this.#tell(proxyResponsePayload(this.#options.command.id, origin, text))
  }

  /** After the call record of the same response, which is written as soon as what made it is done. */
  #tell(payload: string): void {
    queueMicrotask(() => this.#options.client.send(payload))
  }

  #record(status: number, text: string): void {
    const { records } = this.#context
    if (status < 300) records.start('network', 'proxy-uac', () => text)
    else records.stop('network', status === 487 ? 'call-canceled' : 'call-rejected', () => text)
  }

  #finish(): void {
    this.#done = true
    this.#tell(proxyDonePayload(this.#options.command.id))
    this.#options.done()
  }

  #startTimers(index: number): () => void {
    const { provisionalTimeoutMs, finalTimeoutMs } = this.#options.command
    const stops: (() => void)[] = []
    const start = (ms: number | undefined, due: () => readonly ProxyAction[]) => {
      if (ms !== undefined) stops.push(this.#context.clock.after(ms, () => this.#act(due())))
    }
    start(provisionalTimeoutMs, () => this.#decisions.unheard(index))
    start(finalTimeoutMs, () => this.#decisions.overdue(index))
    return () => {
      for (const stop of stops) stop()
    }
  }

  #stopTimers(index: number): void {
    this.#running.get(index)?.stopTimers()
  }

  /** RFC 3326: why a ringing device falls silent. */
  #cancelHeadersFor(cause: CancelCause): readonly HeaderField[] {
    if (cause === 'elsewhere') return ELSEWHERE
    return cause === 'caller' ? this.#cancelHeaders : []
  }
}
