import type { SipResponse } from '../message/message.js'
import { type BranchAnswer, bestResponse, statusOf } from './best-response.js'
import { redirectTargets } from './redirect.js'

/** Branches of one request at most, redirections included. */
export const MAX_TARGETS = 60

/** Where a branch goes. */
export interface Target {
  readonly uri: string
  /** Becomes the Request-URI whatever that was: the callee itself has sent us there. */
  readonly redirected: boolean
}

/** What has to be done, in this order. */
export type ProxyAction =
  | { readonly kind: 'try'; readonly branch: number; readonly target: Target; readonly breadth: number }
  /** At once, or after the first provisional answer. */
  | { readonly kind: 'cancel'; readonly branch: number; readonly cause: CancelCause }
  | { readonly kind: 'forward'; readonly answer: BranchAnswer }
  /** The search is over as far as the application is concerned. */
  | { readonly kind: 'done' }

/** Why a branch is cancelled; 'elsewhere': another one took the call. */
export type CancelCause = 'elsewhere' | 'refused' | 'caller' | 'timeout'

export interface ResponseContextOptions {
  /** INVITE is cancelled, and all its 2xx are forwarded; other requests are not, and have one answer. */
  readonly invite: boolean
  readonly simultaneous: boolean
  readonly followRedirects: boolean
  /** Branches that may be open at once, here and further on, in all (RFC 5393 §5). */
  readonly breadth: number
  readonly targets: readonly string[]
}

interface Branch {
  /** open: an answer is awaited. left: cancelled for lack of time, its end is awaited. */
  state: 'open' | 'left' | 'ended'
  heard: boolean
  /** Its share of the breadth. */
  readonly breadth: number
}

/**
 * What a proxy decides for one request (RFC 3261 §16.7): which targets are tried when, what goes to the caller. No
 * clock and no socket inside: it is told what happened, and says what to do.
 */
export class ResponseContext {
  readonly #options: ResponseContextOptions
  readonly #branches: Branch[] = []
  readonly #answers: BranchAnswer[] = []
  readonly #known: Set<string>
  #waiting: Target[]
  /** A final answer has gone to the caller. */
  #answered = false
  #done = false

  constructor(options: ResponseContextOptions) {
    this.#options = options
    this.#known = new Set(options.targets)
    this.#waiting = options.targets.map((uri) => ({ uri, redirected: false }))
  }

  start(): ProxyAction[] {
    return this.#proceed()
  }

  /** A provisional answer other than 100 goes on at once; 100 only shows that somebody is there. */
  provisional(index: number, response: SipResponse, body: string): ProxyAction[] {
    const branch = this.#branches[index]
    if (!branch) return []
    branch.heard = true
    const wanted = this.#options.invite && response.status > 100 && branch.state === 'open' && !this.#answered
    return wanted ? [{ kind: 'forward', answer: { kind: 'received', response, body } }] : []
  }

  /** A final answer, or a further 2xx of a forked INVITE. */
  final(index: number, response: SipResponse, body: string): ProxyAction[] {
    const branch = this.#branches[index]
    if (!branch) return []
    const { state } = branch
    const answer: BranchAnswer = { kind: 'received', response, body }
    if (response.status < 300) return this.#succeeded(branch, answer)
    if (state === 'ended') return []
    branch.state = 'ended'
    if (state === 'left' && response.status === 487) this.#answers.push(REQUEST_TIMEOUT)
    else if (!this.#redirect(response)) this.#answers.push(answer)
    return response.status >= 600 ? [...this.#stop('refused'), ...this.#proceed()] : this.#proceed()
  }

  /** No answer came, or the target cannot be reached (RFC 3261 §16.8, §16.9). */
  failed(index: number, status: 408 | 503, reason: string): ProxyAction[] {
    const branch = this.#branches[index]
    if (!branch || branch.state === 'ended') return []
    branch.state = 'ended'
    this.#answers.push({ kind: 'local', status, reason })
    return this.#proceed()
  }

  /** Nothing at all came from the target in the time the application allows. */
  unheard(index: number): ProxyAction[] {
    return this.#branches[index]?.heard ? [] : this.#leave(index)
  }

  /** No final answer came in the time the application allows. */
  overdue(index: number): ProxyAction[] {
    return this.#leave(index)
  }

  /** The caller has cancelled and had his answer. */
  cancelled(): ProxyAction[] {
    this.#answered = true
    return [...this.#stop('caller'), ...this.#proceed()]
  }

  /** Goes on without a branch. One that has been heard of can still be answered, with 2xx even, so its end is awaited. */
  #leave(index: number): ProxyAction[] {
    const branch = this.#branches[index]
    if (branch?.state !== 'open') return []
    branch.state = this.#options.invite && branch.heard ? 'left' : 'ended'
    if (branch.state === 'ended') this.#answers.push(REQUEST_TIMEOUT)
    return [...this.#cancel(index, 'timeout'), ...this.#proceed()]
  }

  #succeeded(branch: Branch, answer: BranchAnswer): ProxyAction[] {
    branch.state = 'ended'
    if (this.#answered && !this.#options.invite) return this.#proceed()
    this.#answered = true
    return [...this.#stop('elsewhere'), ...this.#finish(), { kind: 'forward', answer }]
  }

  /** Tries no further target, and cancels the branches that are open (RFC 3261 §16.7 item 10). */
  #stop(cause: CancelCause): ProxyAction[] {
    this.#waiting = []
    return this.#branches.flatMap(({ state }, index) => (state === 'open' ? this.#cancel(index, cause) : []))
  }

  #cancel(branch: number, cause: CancelCause): ProxyAction[] {
    return this.#options.invite ? [{ kind: 'cancel', branch, cause }] : []
  }

  #proceed(): ProxyAction[] {
    const { simultaneous } = this.#options
    const open = this.#branches.filter(({ state }) => state === 'open')
    const room = open.reduce((left, { breadth }) => left - breadth, this.#options.breadth)
    const next = simultaneous || open.length === 0 ? this.#waiting.splice(0, simultaneous ? room : 1) : []
    const breadth = Math.floor(room / Math.max(next.length, 1))
    const tries = next.map((target): ProxyAction => {
      const branch = this.#branches.push({ state: 'open', heard: false, breadth }) - 1
      return { kind: 'try', branch, target, breadth }
    })
    return tries.length > 0 || this.#branches.some(({ state }) => state !== 'ended') ? tries : this.#conclude()
  }

  #conclude(): ProxyAction[] {
    const best = this.#answered ? undefined : bestResponse(this.#answers)
    this.#answered = true
    // RFC 4320 §4.2: nobody waits for the 408 of another request than INVITE any more.
    if (!best || (!this.#options.invite && statusOf(best) === 408)) return this.#finish()
    return [{ kind: 'forward', answer: best }, ...this.#finish()]
  }

  #finish(): ProxyAction[] {
    if (this.#done) return []
    this.#done = true
    return [{ kind: 'done' }]
  }

  /** Takes the contacts of a 3xx as targets; false when there is no new one, so that the caller has to do it. */
  #redirect(response: SipResponse): boolean {
    if (!this.#options.followRedirects || this.#answered || Math.floor(response.status / 100) !== 3) return false
    const room = MAX_TARGETS - this.#known.size
    const fresh = [...new Set(redirectTargets(response))].filter((uri) => !this.#known.has(uri)).slice(0, room)
    for (const uri of fresh) this.#known.add(uri)
    this.#waiting.unshift(...fresh.map((uri) => ({ uri, redirected: true })))
    return fresh.length > 0
  }
}

const REQUEST_TIMEOUT: BranchAnswer = { kind: 'local', status: 408, reason: 'Request Timeout' }
