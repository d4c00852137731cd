let next: Promise<void> | undefined

/** Resolves once all that this turn of the event loop has brought is begun; one wait for all who ask in a turn. */
export function nextTurn(): Promise<void> {
  next ??= new Promise((resolve) => {
    setImmediate(() => {
      next = undefined
      resolve()
    })
  })
  return next
}
