import type { Socket } from 'node:net'

/** Holds back the writes to a connection for a turn of the event loop, so that they leave in one system call. */
export interface WriteGatherer {
  /** Which connection; without one nothing is held back. */
  over(connection: Socket): void
  /** To be called before a write. */
  gather(): void
}

export function createWriteGatherer(): WriteGatherer {
  let connection: Socket | undefined
  let gathering = false
  return {
    over(given) {
      connection = given
    },
    gather() {
      const held = connection
      if (gathering || held === undefined) return
      gathering = true
      held.cork()
      setImmediate(() => {
        gathering = false
        held.uncork()
      })
    },
  }
}
