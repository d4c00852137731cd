import type { Clock } from '../../../gateway/cpm/clock.js'
import type { ComposingState, SessionSide } from '../../contract/index.js'
import { createFloodGuard } from '../flood.js'

/** A state that still holds is said again after so long (RFC 3994 §3.2 has 120 s at most), ms. */
const AGAIN_MS = 20_000
/** Changes that somebody may make: one a second for long. */
const CHANGES = { rate: 1, burst: 10 }
const SPEAKERS = 2_000

/**
 * A side that is told of typing when it is news, and no more often than somebody types: neither world makes a flood of stanzas or
 * chunks in the other one by it. What somebody says ends his typing.
 */
export function steadyTyping(side: SessionSide, clock: Clock): SessionSide {
  const known = new Map<string, { readonly state: ComposingState; readonly at: number }>()
  const changes = createFloodGuard(CHANGES, clock)
  return {
    ...side,
    say(message) {
      known.delete(message.from.address)
      return side.say(message)
    },
    composing(who, state) {
      const { address } = who
      const [last, now] = [known.get(address), clock.now()]
      if (last?.state === state && now - last.at < AGAIN_MS) return
      if (!changes.admits(address)) return
      if (known.size < SPEAKERS || last !== undefined) known.set(address, { state, at: now })
      side.composing(who, state)
    },
  }
}
