import type { AcceptedMessage, RecallOutcome } from '../../adapters/contract/index.js'
import type { UserDirectory } from '../core/port.js'
import { normalUri, type UriOptions } from '../cpm/address.js'
import type { Clock } from '../cpm/clock.js'
import type { MessageId } from '../cpm/ids.js'
import type { Content } from '../cpm/message.js'
import type { Spool, SpoolItem, Verdict } from '../spool/spool.js'
import type { PendingAnswers } from './pending-answers.js'
import type { Recorder } from './recorder.js'
import type { Service, Services } from './service.js'
import { failed } from './verdict.js'
import { type OutboundWork, outLane, type SentContext } from './work.js'

export interface RecallOptions {
  readonly spool: Spool
  readonly services: Services
  readonly uris: UriOptions
  /** The users of the embedded core; absent with an external one. */
  readonly directory: UserDirectory | undefined
  readonly pending: PendingAnswers
  readonly recorder: Recorder
  readonly clock: Clock
}

/** A message by its identity: who sent it, by any of his addresses, and its imdn.Message-ID. */
export interface MessageName {
  readonly from: string
  readonly messageId: string
  /** Whom it is for, where it goes to a user in place of CPM: each such copy is a message of its own. */
  readonly to?: string
}

/**
 * - done: nobody gets it, or the other content. too-late: it has ended, or has left and cannot be reached.
 * - refused: the service does not do that. unavailable: it could not be asked now. under-way: it is being sent at this moment.
 * - unknown: there is no such message (any more).
 */
export interface Recalled {
  readonly outcome: RecallOutcome['kind'] | 'under-way' | 'unknown'
  /** `gateway`, the service that had it, or `none`. */
  readonly where: string
  readonly said: string
}

/** Taking messages back on their way to services, or changing what they say. */
export interface Recall {
  /** Its sender is told of the failure, if he asked to hear of one. */
  cancel(name: MessageName): Promise<Recalled>
  replace(name: MessageName, content: Content): Promise<Recalled>
}

type Verb = 'cancel' | 'replace'
/** Why it stays as it is. */
type Kept = Pick<Recalled, 'outcome' | 'said'>
type Item = SpoolItem<OutboundWork>
/** What was taken out where it waited. */
type Waited = Recalled & { readonly item?: Item }

/** A message under way is looked at again so often, at this interval. */
const LOOKS = 20
const LOOK_AGAIN_MS = 250
/** A service that says nothing for so long may still do it: then the sender hears of that. */
const ASK_WITHIN_MS = 8_000
const UNSUPPORTED: RecallOutcome = {
  kind: 'refused',
  reason: 'service-unsupported',
  said: 'the service does not do that',
}
const SILENT: RecallOutcome = { kind: 'unavailable', said: 'the service has not answered yet, and may still do it' }

const PARTLY_THERE = 'some of it may be with the service already'
const UNKNOWN: Recalled = { outcome: 'unknown', where: 'none', said: 'no such message, or not known any more' }
const UNDER_WAY: Recalled = { outcome: 'under-way', where: 'gateway', said: 'it is just being sent' }

export function createRecall(options: RecallOptions): Recall {
  const { spool, services, uris, directory, pending, recorder, clock } = options
  const never = new AbortController().signal

  /** Where it waits here: taken out, with what follows, in one step. */
  async function here(root: string, decide: (item: Item) => Verdict<unknown> | Kept): Promise<Waited | undefined> {
    for (const { id } of services.values()) {
      let item: Item | undefined
      let kept: Kept | undefined
      const found = await spool.withdraw(outLane(id), root, (waiting, recovered) => {
        const one = waiting as Item
        // Whoever was at it may have sent it before he died.
        item = recovered ? { ...one, payload: { ...one.payload, uncertain: true } } : one
        const verdict = decide(item)
        if (!('outcome' in verdict)) return verdict
        kept = verdict
        return undefined
      })
      if (found === 'withdrawn' && item) {
        const said = isPartlyThere(item) ? `it waited for ${id}; ${PARTLY_THERE}` : `it waited for ${id}`
        return { outcome: 'done', where: 'gateway', said, item }
      }
      if (found === 'left' && kept) return { where: 'gateway', ...kept }
      if (found === 'under-way') return UNDER_WAY
    }
    return undefined
  }

  /** Where a service has it: the service is asked. */
  async function there(
    root: string,
    ask: (service: Service, message: AcceptedMessage, key: string | undefined) => Promise<RecallOutcome> | undefined,
  ): Promise<Recalled | undefined> {
    // The last service it went to comes first: the ones before it have ended.
    for (let index = services.size - 1; index >= 0; index -= 1) {
      const id = index === 0 ? root : `${root}#${index}`
      const record = await spool.sent(id)
      if (record === undefined) continue
      const service = [...services.values()].find((one) => one.id === record.scope)
      const context = record.context as SentContext | undefined
      const where = record.scope
      if (record.ended !== undefined || context === undefined) {
        return { outcome: 'too-late', where, said: record.ended ?? 'it has ended' }
      }
      const message = acceptedBy(id, context)
      const asked = service && message && ask(service, message, record.key)
      const { kind, said } = asked ? await inTime(asked) : UNSUPPORTED
      return { outcome: kind, where, said }
    }
    return undefined
  }

  function inTime(asked: Promise<RecallOutcome>): Promise<RecallOutcome> {
    return new Promise((resolve, reject) => {
      const cancelTimeout = clock.after(ASK_WITHIN_MS, () => resolve(SILENT))
      asked.finally(cancelTimeout).then(resolve, reject)
    })
  }

  /** Asks the service, and has the sender told when it is done. */
  async function cancelThere({ id, adapter }: Service, message: AcceptedMessage, key: string | undefined) {
    const outcome = (await adapter.messages.cancel?.(message, never)) ?? UNSUPPORTED
    if (outcome.kind === 'done' && key !== undefined) {
      const said = `taken back: ${outcome.said}`
      await spool.report(id, { keys: [key], converted: [], addresses: [], state: 'failed', reason: 'deleted', said })
    }
    return outcome
  }

  /** A message may move while it is looked for: then it is looked for again, for some seconds. */
  async function recall(verb: Verb, name: MessageName, attempt: (root: string) => Promise<Recalled | undefined>) {
    const written = normalUri(name.from, uris)
    const from = (written && directory?.find(written)?.uri) ?? written ?? name.from
    const to = name.to === undefined ? '' : `|${normalUri(name.to, uris) ?? name.to}`
    let recalled: Recalled | undefined
    for (let look = 0; look < LOOKS; look += 1) {
      const before = recalled
      recalled = await attempt(`${from}|${name.messageId}${to}`)
      if (recalled !== undefined && recalled !== UNDER_WAY) break
      if (recalled === undefined && look > 0 && before === undefined) break
      await new Promise<void>((resolve) => clock.after(recalled ? LOOK_AGAIN_MS : 0, resolve))
    }
    const { outcome, where, said } = recalled ?? UNKNOWN
    recorder.recalled(name.messageId as MessageId, verb, where, outcome, said)
    return { outcome, where, said }
  }

  const cancelled = (item: Item) =>
    failed(item, item.payload.uncertain ? 'uncertain' : 'deleted', 'taken back', clock.now())

  /** After it was taken out, not before: somebody else may have been faster. */
  function concluded(item: Item): void {
    pending.release(item.id)
    const service = item.payload.candidates[item.payload.index]?.service
    if (service !== undefined) recorder.concluded(service, item, cancelled(item).ending)
  }

  const rewritten =
    (content: Content) =>
    (item: Item): Verdict<unknown> | Kept => {
      const { message, progress: _, candidates, index, ...rest } = item.payload
      if (isPartlyThere(item)) return { outcome: 'too-late', said: PARTLY_THERE }
      const candidate = candidates[index]
      const service = candidate && services.get(candidate.service)
      const refused = service?.adapter.messages.refuses({ ...message, content })
      if (refused !== undefined) return { outcome: 'refused', said: `the service cannot carry that: ${refused}` }
      const payload: OutboundWork = { ...rest, candidates, index, message: { ...message, content } }
      return { kind: 'done', puts: [{ ...item, payload }] }
    }

  return {
    cancel: (name) =>
      recall('cancel', name, async (root) => {
        const waited = await here(root, (item) => cancelled(item).verdict)
        if (waited?.item) concluded(waited.item)
        return waited ?? there(root, cancelThere)
      }),
    replace: (name, content) =>
      recall(
        'replace',
        name,
        async (root) =>
          (await here(root, rewritten(content))) ??
          (await there(root, ({ adapter }, message) => adapter.messages.replace?.(message, content, never))),
      ),
  }
}

const isPartlyThere = ({ payload: { uncertain, progress } }: Item): boolean =>
  uncertain === true || (progress?.parts.length ?? 0) > 0

/** The message as its service took it; undefined when the service cannot find it again. */
function acceptedBy(recordId: string, { recall, expiresAt }: SentContext): AcceptedMessage | undefined {
  return recall && { messageId: recordId as MessageId, ...recall, expiresAt }
}

/** Asks the service that has a message to cancel it, if it can. */
export function cancelAt(
  services: Services,
  recordId: string,
  context: SentContext,
): Promise<RecallOutcome> | undefined {
  const message = acceptedBy(recordId, context)
  return message && services.get(context.service)?.adapter.messages.cancel?.(message, new AbortController().signal)
}
