/** Lets a bounded number of tasks run at once; the others wait in order. */
export interface Gate {
  /** Undefined: the task may begin. Otherwise it may once this resolves. Each that begins has to leave. */
  enter(): Promise<void> | undefined
  leave(): void
}

export function createGate(parallel: number): Gate {
  const waiting: (() => void)[] = []
  let running = 0
  return {
    enter() {
      if (running >= parallel) return new Promise((resolve) => waiting.push(resolve))
      running += 1
      return undefined
    },
    leave() {
      const next = waiting.shift()
      if (next) next()
      else running -= 1
    },
  }
}

/** Runs a task when its turn comes. */
export async function inTurn<Result>(gate: Gate, task: () => Promise<Result>): Promise<Result> {
  const turn = gate.enter()
  if (turn) await turn
  try {
    return await task()
  } finally {
    gate.leave()
  }
}
