import type { Clock } from '../../../gateway/cpm/clock.js'
import { isFinal } from '../../../gateway/cpm/failure.js'
import { CLOSED, type PresenceState } from '../../../gateway/cpm/presence.js'
import type { WatchState } from '../../contract/index.js'
import { writeDevices } from '../mapping/presence.js'
import { tellInOrder } from '../stream/in-order.js'
import { type Pair, writePresence } from './pair.js'
import type { Records } from './records.js'
import type { Seen } from './seen.js'

/** What users of XMPP are shown of users of CPM. */
export interface Showing {
  /**
   * Shows him what the gateway says. Rejects when there is no connection, or the store is down. `lost`: later, when what was
   * written may not have reached his server.
   */
  show(pair: Pair, state: WatchState, lost: () => Promise<void>): Promise<void>
  /** He wants to see nothing any more. */
  hide(pair: Pair): Promise<void>
}

const keyOf = ({ ours, theirs }: Pair): string => `${ours}|${theirs}`

export function createShowing(records: Records, seen: Seen, clock: Clock): Showing {
  /** What each was told last, until there is a proof of it; that of something older changes nothing any more. */
  const latest = new Map<string, symbol>()

  async function showState(pair: Pair, presence: PresenceState, lost: () => Promise<void>): Promise<void> {
    const { ours, theirs } = pair
    const [key, mine] = [keyOf(pair), Symbol('told')]
    latest.delete(key)
    const before = await records.shown(ours, theirs)
    const { text, available } = written(pair, presence, before ?? [])
    // Until his server has it he may see either.
    const either = [...new Set([...(before ?? []), ...available])]
    if (before?.length !== either.length) await records.show(ours, theirs, either)
    seen.showIcon(ours, theirs, available.length === 0 ? undefined : presence.person?.icon)
    const stanzas = before === undefined ? writePresence(pair, 'subscribed') + text : text
    latest.set(key, mine)
    // Nobody waits for the proof: whatever did would keep the connection from being read.
    const proven = async (): Promise<void> => {
      const isTaken = await tellInOrder(pair.component, stanzas, clock)
      const isLatest = latest.get(key) === mine && latest.delete(key)
      if (!isTaken && before === undefined) await records.revoke(ours, theirs)
      if (isTaken && isLatest && available.length < either.length) await records.show(ours, theirs, available)
      if (!isTaken) await lost()
    }
    proven().catch(lost)
  }

  /** Takes away all that he sees, and what `last` says with it. */
  async function takeAway(pair: Pair, last: string): Promise<string> {
    const { ours, theirs } = pair
    latest.delete(keyOf(pair))
    const before = await records.shown(ours, theirs)
    await records.revoke(ours, theirs)
    seen.showIcon(ours, theirs, undefined)
    return written(pair, CLOSED, before ?? []).text + last
  }

  return {
    async show(pair, state, lost) {
      if (state.kind === 'pending') return
      const { component } = pair
      if (component.capacity() === 0) throw new Error(`no connection as ${component.options.domain}`)
      if (state.kind === 'active') return showState(pair, state.presence, lost)
      const stanzas = await takeAway(pair, isRefusal(state.reason) ? writePresence(pair, 'unsubscribed') : '')
      void tellInOrder(component, stanzas, clock).then((isTaken) => (isTaken ? undefined : lost()))
    },
    async hide(pair) {
      pair.component.tell(await takeAway(pair, writePresence(pair, 'unsubscribed')))
    },
  }
}

/** Each device as it is now; those shown before and not among these any more are gone. */
function written(pair: Pair, presence: PresenceState, before: readonly string[]) {
  const devices = writeDevices(presence)
  const here = devices.filter(({ available }) => available)
  const available = here.map(({ resource }) => resource)
  const gone = before.filter((resource) => !available.includes(resource))
  const said = devices.find((each) => !each.available)?.content ?? ''
  const stanzas = [
    ...here.map(({ resource, content }) => writePresence(pair, undefined, `/${resource}`, content)),
    ...gone.map((resource) => writePresence(pair, 'unavailable', `/${resource}`, said)),
  ]
  return { text: stanzas.join('') || writePresence(pair, 'unavailable', '', said), available }
}

/** Whether he need not ask again: the user does not want it, or there is none. */
const isRefusal = (reason: Extract<WatchState, { kind: 'ended' }>['reason']): boolean =>
  reason === 'rejected' || (reason !== 'timeout' && isFinal(reason))
