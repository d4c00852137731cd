import type { InboundReport, ReportOutcome, ServicePart } from '../../adapters/contract/index.js'

/**
 * What must survive: messages between acceptance and outcome. Three verbs for work (put, take, later) and one for reports.
 *
 * A lane is a Redis stream with a consumer group and carries first attempts and due retries, oldest first. What waits
 * (a retry, an expiry) lies in BullMQ and comes back to its lane when due. Each verb is one round trip, and all that it
 * changes changes together or not at all. The room knows nothing of SIP, of services, or of what an item means.
 */
export type LaneName = string

/** One piece of work. `id` makes the same work the same item; `payload` is plain JSON. */
export interface SpoolItem<Payload = unknown> {
  readonly id: string
  readonly lane: LaneName
  /** Times it has been taken and put back, from 0. */
  readonly attempts: number
  readonly acceptedAt: number
  /** After this (ms since 1970) it is handed over with `expired` set, once, so that its end can be told. */
  readonly expiresAt: number
  readonly payload: Payload
}

/** A fact kept beside an item by the same write, e.g. the memory of a conversation. */
export interface Note {
  readonly key: string
  readonly value: string
  readonly lifeMs: number
}

export interface PutOptions {
  /** How long the id (and `alsoKnownAs`) is recognised as a repetition, ms. */
  readonly rememberMs: number
  readonly alsoKnownAs?: readonly string[]
  readonly notes?: readonly Note[]
}

export interface Taken<Payload> {
  readonly item: SpoolItem<Payload>
  /** Taken before by a process that did not live to say what became of it. */
  readonly recovered: boolean
  readonly expired: boolean
}

/**
 * What became of an item that was taken.
 * - done: it leaves the spool; `puts` enter it in the same step.
 * - sent: it leaves the spool, and its reports are awaited (see SentRecord); `puts` as above.
 * - later: it comes back after `delayMs`, with this payload.
 * - failed: it leaves for the failed set, visible to the operator with its reason; `puts` as above.
 */
export type Verdict<Payload> =
  | { readonly kind: 'done'; readonly puts?: readonly SpoolItem[]; readonly notes?: readonly Note[] }
  | {
      readonly kind: 'sent'
      readonly record: SentRecord
      readonly puts?: readonly SpoolItem[]
      readonly notes?: readonly Note[]
    }
  | { readonly kind: 'later'; readonly delayMs: number; readonly payload: Payload; readonly why: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly puts?: readonly SpoolItem[] }

/** A message with a service whose reports are awaited. */
export interface SentRecord {
  /** Message identity. Reports of an earlier sending change nothing in the record of a later one. */
  readonly id: string
  /** Scope of the service's names: the service id of the adapter. */
  readonly scope: string
  readonly parts: readonly ServicePart[]
  /** URIs that a converted key must agree with. */
  readonly addresses: readonly string[]
  readonly lifeMs: number
  /** Report states that make an item in `reportLane`; others only change the record. */
  readonly wants: readonly InboundReport['state'][]
  readonly reportLane: LaneName
  /** Handed back in each ReportPayload. Plain JSON. */
  readonly context: unknown
}

/** What is known of a message with a service. */
export interface SentMessageRecord {
  readonly scope: string
  /** A name under which it can be reported on; undefined when the service gave it none. */
  readonly key: string | undefined
  /** How it has ended, if it has. */
  readonly ended: 'delivered' | 'failed' | 'error' | undefined
  /** That of its SentRecord; undefined once it has ended for good. */
  readonly context: unknown
}

/** Payload of an item in a report lane. Parts are merged: delivered after the last part, failed at the first (SMPP: long messages). */
export interface ReportPayload<Context = unknown> {
  readonly recordId: string
  readonly state: InboundReport['state']
  readonly report: InboundReport
  readonly context: Context
}

export interface TakeOptions {
  /** Items handed over at once; asked before each read. Nearly as many are taken ahead. 0 closes the lane: nothing is taken. */
  parallel(): number
  /** Time an item may be under way before another node may take it although this node lives, ms. */
  readonly holdMs: number
}

export interface LaneConsumer {
  /** To be called when `parallel()` may have grown. */
  wake(): void
  /** Takes no more, and resolves when what is under way has its verdict, or when `deadline` fires. */
  stop(deadline: AbortSignal): Promise<void>
}

export interface LaneState {
  readonly lane: LaneName
  readonly queued: number
  readonly underWay: number
  readonly waiting: number
  /** Age of the oldest queued item, ms. */
  readonly oldestMs: number
}

export interface FailedItem {
  readonly item: SpoolItem
  readonly reason: string
  readonly at: number
}

export interface Spool {
  /** Stored, in Redis and by its fsync policy, when this resolves. Rejects with SpoolUnavailable when it could not be. */
  put(item: SpoolItem, options: PutOptions): Promise<'stored' | 'duplicate'>
  /**
   * Hands items of a lane to `handle`, at least once each. A handler that throws is tried again with backoff (for as long as it takes when it throws SpoolUnavailable); after
   * `maxCrashes` (also of the whole process) the item goes to `onPoison`, whose verdict is final.
   */
  take<Payload>(
    lane: LaneName,
    options: TakeOptions,
    handle: (taken: Taken<Payload>) => Promise<Verdict<Payload>>,
    onPoison: (item: SpoolItem<Payload>, reason: string) => Verdict<Payload>,
  ): LaneConsumer
  /** Applies a report to the record it belongs to, and queues its item, in one step. */
  report(scope: string, report: InboundReport): Promise<ReportOutcome>
  /**
   * Settles an item that waits after an uncertain attempt: takes it out of the waiting ones and applies the verdict.
   * False when it is no longer waiting.
   */
  settle(lane: LaneName, itemId: string, verdict: Verdict<unknown>): Promise<boolean>
  /**
   * Takes an item out of its lane that nobody is at, queued or waiting, and applies what `decide` makes of it in the same step. An
   * item that follows from another by `#` and a number counts as it. `decide` may be asked more than once, and leaves the item where it is by undefined;
   * `recovered` as in Taken.
   */
  withdraw(
    lane: LaneName,
    rootId: string,
    decide: (item: SpoolItem, recovered: boolean) => Verdict<unknown> | undefined,
  ): Promise<'withdrawn' | 'left' | 'under-way' | 'unknown'>
  /** A message with a service, by its identity; undefined when it is not known (any more). */
  sent(recordId: string): Promise<SentMessageRecord | undefined>
  /** Brings waiting items of a lane whose id begins with `idPrefix` back to the lane at once; returns how many. */
  hurry(lane: LaneName, idPrefix: string): Promise<number>
  /** Whether another node gives signs of life. */
  isAlive(node: string): Promise<boolean>
  notes: NoteStore
  lanes(): Promise<readonly LaneState[]>
  failed(limit: number): Promise<readonly FailedItem[]>
  failedCount(): Promise<number>
}

/** Facts by key, with a life. Keys are the caller's; the spool adds its prefix and hash tag. */
export interface NoteStore {
  get(key: string): Promise<string | undefined>
  put(note: Note): Promise<void>
  /** True if it was not there and now is. */
  putIfAbsent(note: Note): Promise<boolean>
  remove(key: string): Promise<void>
  /** See SharedStore.update. */
  update<State, Result>(
    key: string,
    lifeMs: number,
    change: (state: State | undefined) => { readonly next: State | undefined; readonly result: Result },
  ): Promise<Result>
}

/** The store is out of reach or refuses writes; the protocol answers "try later". */
export class SpoolUnavailable extends Error {
  override readonly name = 'SpoolUnavailable'
}
