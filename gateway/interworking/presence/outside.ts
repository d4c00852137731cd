import type { Logger } from 'pino'
import type { WatchState } from '../../../adapters/contract/index.js'
import { gatewayWatcher } from '../../../adapters/contract/presence.js'
import type { Clock } from '../../cpm/clock.js'
import type { Uri } from '../../cpm/ids.js'
import type { PresenceState } from '../../cpm/presence.js'
import { bounded } from '../../presence/composition.js'
import type { HomeUsers, OutsidePresence, PresenceUse } from '../../presence/port.js'
import type { Reminders } from '../../spool/reminders.js'
import type { NoteStore } from '../../spool/spool.js'
import type { OriginatorAddresses } from '../originator.js'
import type { Route } from '../selection.js'
import type { Service, Services } from '../service.js'
import { createPairs, type Pair } from './pairs.js'
import { presenceRoute } from './selection.js'

export interface OutsideOptions {
  readonly services: Services
  readonly originators: OriginatorAddresses
  readonly users: HomeUsers
  /** The home CPM domain. */
  readonly domain: string
  readonly notes: NoteStore
  readonly reminders: Reminders
  /** How often a service is asked again, ms. */
  readonly refreshMs: number
  readonly clock: Clock
  readonly log: Logger
}

export interface Outside extends OutsidePresence {
  /** `PRES-02`: what a service says of somebody a CPM user watches there. */
  changed(service: Service, presentityThere: Uri, watcherThere: Uri, state: WatchState): Promise<void>
  /** Asks for everything anew, as after a restart. */
  start(): Promise<void>
}

const KIND = 'outside'
const RETRY_MS = 30_000
const PENDING: WatchState = { kind: 'pending' }

/** Uses of one subscription: it is one note. */
const MAX_USES = 1_000

/**
 * CPM users watch those in other services (`PRES-01`, `PRES-02`, `CPM-IWF-013`). A subscription there belongs to a pair, where
 * the service authorises each watcher by himself: it serves all devices and lists of the user. Where the service lets the gateway
 * watch, it serves all users. It lasts as long as one of them needs it, and is refreshed although the other side may know no such thing.
 */
export function createOutside(options: OutsideOptions): Outside {
  const { services, originators, users, reminders, clock, log } = options
  const pairs = createPairs(options.notes)
  let listener: Parameters<OutsidePresence['onChanged']>[0] = async () => undefined

  async function watch(watcher: Uri, presentity: Uri, use: string) {
    const known = await pairs.find(watcher, presentity)
    const pair = known === undefined ? undefined : await join(known, { watcher, use })
    if (pair && !has(pair, { watcher, use })) return { kind: 'refused' as const, status: 503 as const }
    return pair?.state ?? begin(watcher, presentity, use)
  }

  /** Undefined when the pair has gone meanwhile. */
  const join = (key: string, use: PresenceUse): Promise<Pair | undefined> =>
    pairs.update<Pair | undefined>(key, (pair) => {
      const next = pair && { ...pair, uses: withUse(pair.uses, use) }
      return { next, result: next }
    })

  async function begin(
    watcher: Uri,
    presentity: Uri,
    use: string,
  ): Promise<Awaited<ReturnType<OutsidePresence['watch']>>> {
    const route = presenceRoute(services, presentity)
    if (typeof route === 'number') return { kind: 'refused', status: route }
    const watcherThere = await nameThere(route, watcher)
    if (watcherThere === undefined) return { kind: 'refused', status: 403 }
    const service = route.service.id
    const uses = [{ watcher, use }]
    const fresh: Pair = { ...{ service, presentity, watcherThere, presentityThere: route.to }, uses, state: PENDING }
    const key = pairs.key(fresh)
    if (!(await pairs.enter(key, watcher, presentity))) return { kind: 'refused', status: 503 }
    const { pair, isNew } = await pairs.update(key, (known) => {
      const next = known ? { ...known, uses: withUse(known.uses, { watcher, use }) } : fresh
      return { next, result: { pair: next, isNew: !known } }
    })
    if (!has(pair, { watcher, use })) {
      await pairs.forget(watcher, presentity)
      return { kind: 'refused', status: 503 }
    }
    if (isNew) await reminders.set(KIND, key, clock.now())
    return pair.state
  }

  async function nameThere(route: Route, watcher: Uri): Promise<Uri | undefined> {
    if (route.service.adapter.capabilities.presenceFor === 'gateway') return gatewayWatcher(options.domain)
    const originator = { uri: watcher, addresses: users.find(watcher)?.addresses ?? [watcher] }
    const until = clock.now() + options.refreshMs
    return originators.inService(route, originator, { anonymous: false, until })
  }

  async function unwatch(watcher: Uri, presentity: Uri, use: string): Promise<void> {
    const key = await pairs.find(watcher, presentity)
    if (key === undefined) return
    const left = await pairs.update(key, (pair) => {
      const uses = pair?.uses.filter((each) => each.watcher !== watcher || each.use !== use) ?? []
      return { next: pair && uses.length > 0 ? { ...pair, uses } : undefined, result: pair && { ...pair, uses } }
    })
    if (left?.uses.some((each) => each.watcher === watcher)) return
    await pairs.forget(watcher, presentity)
    if (!left || left.uses.length > 0) return
    await pairs.leave(key)
    await giveUp(left)
  }

  /** The service may be out of reach: what it then still sends is answered the same way. */
  async function giveUp({ service, watcherThere, presentityThere }: Pair): Promise<void> {
    const port = services.get(service)?.adapter.presence
    await port
      ?.unwatch(watcherThere, presentityThere)
      .catch((error: unknown) => log.debug({ service, err: error }, 'presence not given up'))
  }

  /** Asks the service, first or again, and sets the time of the next question. */
  async function ask(key: string): Promise<void> {
    const pair = await pairs.get(key)
    if (!pair) return
    // Who has said no is not asked again for as long as anybody here waits for him.
    if (pair.state.kind === 'ended' && pair.state.reason === 'rejected') return
    const port = services.get(pair.service)?.adapter.presence
    const asked = await port?.watch(pair.watcherThere, pair.presentityThere).then(
      () => true,
      (error: unknown) => {
        log.debug({ service: pair.service, err: error }, 'presence not asked for')
        return false
      },
    )
    // A pair that is asked for lives on.
    const left = await pairs.update(key, (state) => ({ next: state && { ...state }, result: state }))
    if (left) await reminders.set(KIND, key, clock.now() + (asked ? options.refreshMs : RETRY_MS))
  }

  async function changed(service: Service, presentityThere: Uri, watcherThere: Uri, state: WatchState): Promise<void> {
    const key = pairs.key({ service: service.id, watcherThere, presentityThere })
    const bounded = boundedState(state)
    const pair = await pairs.update<Pair | undefined>(key, (known) => {
      const next = known && { ...known, state: bounded }
      return { next, result: next }
    })
    if (pair) return listener(pair.presentity, pair.uses)
    // Nobody here wants to know: the service should no longer tell.
    if (state.kind === 'active') await service.adapter.presence?.unwatch(watcherThere, presentityThere)
  }

  reminders.on(KIND, ask)

  return {
    watch,
    unwatch,
    async state(watcher, presentity) {
      const key = await pairs.find(watcher, presentity)
      return key === undefined ? undefined : (await pairs.get(key))?.state
    },
    onChanged(given) {
      listener = given
    },
    changed,
    async start() {
      for await (const key of pairs.keys()) await reminders.set(KIND, key, clock.now())
    },
  }
}

/** One more, unless there is no room. */
function withUse(uses: readonly PresenceUse[], { watcher, use }: PresenceUse): readonly PresenceUse[] {
  return has({ uses }, { watcher, use }) || uses.length >= MAX_USES ? uses : [...uses, { watcher, use }]
}

const has = ({ uses }: Pick<Pair, 'uses'>, { watcher, use }: PresenceUse): boolean =>
  uses.some((each) => each.watcher === watcher && each.use === use)

/** What comes from outside goes into documents: names that could not stand there are left out. */
function boundedState(state: WatchState): WatchState {
  if (state.kind !== 'active') return state
  const { tuples, ...presence }: PresenceState = state.presence
  const legal = tuples.filter(({ id }) => /^[\p{L}_][\p{L}\p{N}._-]{0,127}$/u.test(id))
  return { kind: 'active', presence: { ...presence, tuples: bounded(legal) } }
}
