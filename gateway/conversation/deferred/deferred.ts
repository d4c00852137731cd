import type { ConversationPolicies } from '../../config/preferences.js'
import type { InterworkingPolicies } from '../../config/schema.js'
import type { Clock } from '../../cpm/clock.js'
import type { FailureReason } from '../../cpm/failure.js'
import { newMessageId } from '../../cpm/identity.js'
import type { Uri } from '../../cpm/ids.js'
import { DELIVERY_HOLD_MS } from '../../interworking/work.js'
import type { Boxes } from '../../spool/boxes.js'
import type { LaneConsumer, Spool, SpoolItem, Taken, Verdict } from '../../spool/spool.js'
import type { ToDevices } from '../delivery.js'
import type { DeferredMessage, DeferredMessaging, PreferenceStore, Registrations } from '../port.js'
import { createAnnounce } from './announce.js'
import { startExpiry } from './expiry.js'
import { createFetch } from './fetch.js'
import { createKeep } from './keep.js'
import { createPush } from './push.js'
import type { DeferredRecorder } from './recorder.js'
import { createRequests } from './requests.js'
import { DEFERRED_LANE, type DeferredWork } from './work.js'

export interface DeferredOptions {
  readonly spool: Pick<Spool, 'put' | 'take' | 'hurry' | 'notes'>
  readonly boxes: Boxes
  readonly toDevices: ToDevices
  readonly preferences: PreferenceStore
  readonly registrations: Registrations
  readonly policies: ConversationPolicies['deferred']
  readonly retry: InterworkingPolicies['retry']
  readonly domain: string
  readonly clock: Clock
  readonly recorder: DeferredRecorder
  readonly undelivered: (deferred: DeferredMessage, reason: FailureReason) => Promise<void>
  readonly onError: (error: unknown) => void
}

/** The deferred messaging function (`DEF-*`): keeps, pushes, announces, lets fetch and delete, and ends lives. */
export interface Deferred extends DeferredMessaging {
  start(): void
  stop(deadline: AbortSignal): Promise<void>
}

/** A user is attended to by one node at a time, for no longer than this, ms. */
const TURN_LIFE_MS = 180_000
const TURN_WAIT_MS = 3_000
/** Triggers of one user that come together are one piece of work. */
const TRIGGER_LIFE_MS = 10_000
/** Work that was never done by then: a registration has begun it anew long since. */
const WORK_LIFE_MS = 86_400_000

type Waiting = DeferredWork & { readonly kind: 'waiting' }

const latestKey = (user: Uri): string => `deferred-latest:${user}`

export function createDeferred(options: DeferredOptions): Deferred {
  const { spool, boxes, preferences, registrations, clock } = options
  const { notes } = spool
  const address = `sip:deferred@${options.domain}` as Uri
  const push = createPush(options)
  const { announce, list } = createAnnounce({ ...options, notes, address, remind: options.policies.remind })
  const fetch = createFetch(options)
  const keep = createKeep({ ...options, onKept: whenThere })
  // Reminders go on as long as messages may wait.
  const lifeMs = Math.max(WORK_LIFE_MS, options.policies.maxLife)
  let consumer: LaneConsumer | undefined
  let stopExpiry = (): void => {}

  async function submit(payload: DeferredWork): Promise<void> {
    const now = clock.now()
    const id = `${payload.kind}|${payload.user}|${newMessageId()}`
    const item = { id, lane: DEFERRED_LANE, attempts: 0, acceptedAt: now, expiresAt: now + lifeMs, payload }
    const notes = payload.kind === 'waiting' ? [{ key: latestKey(payload.user), value: id, lifeMs }] : []
    await spool.put(item, { rememberMs: 1, notes })
  }

  /** What was put off, or is to remind a user, gives way to what has come for him since. */
  async function isSuperseded({ id, payload }: SpoolItem<DeferredWork>): Promise<boolean> {
    if (payload.kind !== 'waiting') return false
    const latest = await notes.get(latestKey(payload.user))
    return latest !== undefined && latest !== id
  }

  async function attend(user: Uri): Promise<void> {
    const note = { key: `deferred-trigger:${user}`, value: '1', lifeMs: TRIGGER_LIFE_MS }
    if (!(await notes.putIfAbsent(note))) return
    await submit({ kind: 'waiting', user })
    // What is superseded now need not wait for its end.
    await spool.hurry(DEFERRED_LANE, `waiting|${user}|`)
  }

  /** A device is there, or nobody tells us whether one is: then only an attempt shows. */
  async function whenThere(user: Uri): Promise<void> {
    const devices = await registrations.devices(user)
    if (devices === 'unknown' || devices.length > 0) await attend(user)
  }

  async function available(user: Uri): Promise<void> {
    const [deferred, stored] = await Promise.all([boxes.count(user, 'deferred'), boxes.count(user, 'stored')])
    if (deferred + stored > 0) await attend(user)
  }

  async function work({ item, expired }: Taken<DeferredWork>): Promise<Verdict<DeferredWork>> {
    if (expired || (await isSuperseded(item))) return { kind: 'done' }
    const { payload } = item
    const turn = { key: `deferred-turn:${payload.user}`, value: item.id, lifeMs: TURN_LIFE_MS }
    if (!(await notes.putIfAbsent(turn)) && (await notes.get(turn.key)) !== item.id) {
      return { kind: 'later', delayMs: TURN_WAIT_MS, payload, why: 'the user is attended to already' }
    }
    try {
      if (payload.kind === 'fetch') return await fetch(payload)
      if (payload.kind === 'list') return await list(payload)
      await notes.remove(`deferred-trigger:${payload.user}`)
      const verdict = await pushOrAnnounce(payload, item)
      return verdict.kind === 'later' && (await isSuperseded(item)) ? { kind: 'done' } : verdict
    } finally {
      await notes.remove(turn.key)
    }
  }

  async function pushOrAnnounce(work: Waiting, item: SpoolItem<DeferredWork>): Promise<Verdict<DeferredWork>> {
    const { waiting: how } = await preferences.of(work.user)
    const verdict = how === 'push' ? await push(work.user, item) : undefined
    return verdict && verdict.kind !== 'done' ? verdict : await announceRest(work, how)
  }

  /** After a push, what is left to be announced is what is stored until it is fetched. */
  async function announceRest(work: Waiting, how: 'push' | 'notify') {
    const left = how === 'push' ? await boxes.count(work.user, 'stored') : 1
    return left > 0 ? announce(work) : ({ kind: 'done' } as const)
  }

  return {
    address,
    keep,
    hasWaiting: async (user) => (await boxes.count(user, 'deferred')) > 0,
    request: createRequests({ ...options, submit }),
    start() {
      registrations.onAvailable((user) => void available(user).catch(options.onError))
      stopExpiry = startExpiry(options)
      consumer = spool.take<DeferredWork>(
        DEFERRED_LANE,
        { parallel: () => PARALLEL, holdMs: DELIVERY_HOLD_MS },
        work,
        (_, reason) => ({ kind: 'failed', reason }),
      )
    },
    async stop(deadline) {
      stopExpiry()
      await consumer?.stop(deadline)
    },
  }
}

/** Users attended to at once by one node. */
const PARALLEL = 64
