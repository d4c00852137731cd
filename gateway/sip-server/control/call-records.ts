import type { ControlClient } from './control-client.js'
import { callRecordPayload } from './payload.js'

export type CallRole = 'uac' | 'uas' | 'proxy-uac' | 'proxy-uas'

export type CallEnd =
  | 'call-rejected'
  | 'call-canceled'
  | 'normal-release'
  | 'session-expired'
  | 'system-initiated-termination'

/** Where the message came from that made the record. */
type Source = 'network' | 'application'

/** Call detail records, for the clients that routed them; one client for each record, in turn. */
export class CallRecords {
  readonly #next: (verb: string) => ControlClient | undefined
  readonly #now: () => number

  constructor(next: (verb: string) => ControlClient | undefined, now: () => number) {
    this.#next = next
    this.#now = now
  }

  attempt(source: Source, message: () => string): void {
    this.#record('cdr:attempt', source, message)
  }

  start(source: Source, role: CallRole, message: () => string): void {
    this.#record('cdr:start', source, message, role)
  }

  stop(source: Source, end: CallEnd, message: () => string): void {
    this.#record('cdr:stop', source, message, end)
  }

  #record(verb: string, source: Source, message: () => string, last?: string): void {
    const client = this.#next(verb)
    if (!client) return
    const payload = callRecordPayload(verb, source, this.#now(), last, message())
    // A record follows the message it is about.
    queueMicrotask(() => client.send(payload))
  }
}
