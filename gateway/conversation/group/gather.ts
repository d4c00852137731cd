/**
 * Brings together what comes for one key while its last batch is being written: one write for many, one at a time. The
 * returned function resolves once its item is written.
 */
export function gatherByKey<Item>(
  write: (key: string, items: readonly Item[]) => Promise<void>,
): (key: string, item: Item) => Promise<void> {
  const next = new Map<string, { readonly items: Item[]; readonly written: Promise<void> }>()
  const last = new Map<string, Promise<void>>()

  return (key, item) => {
    const open = next.get(key)
    if (open) {
      open.items.push(item)
      return open.written
    }
    const items = [item]
    const before = last.get(key) ?? Promise.resolve()
    const written = before
      .catch(() => undefined)
      .then(() => {
        next.delete(key)
        return write(key, items)
      })
    next.set(key, { items, written })
    last.set(key, written)
    const forget = () => {
      if (last.get(key) === written) last.delete(key)
    }
    written.then(forget, forget)
    return written
  }
}
