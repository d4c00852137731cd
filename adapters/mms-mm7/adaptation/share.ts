/**
 * Shares `total` among wishes: who wants less than an equal share gets what he wants, and what he leaves goes to the
 * others. Whole numbers; the sum is at most `total`.
 */
export function shares(wishes: readonly number[], total: number): readonly number[] {
  const given = wishes.map(() => 0)
  const smallestFirst = wishes.map((wish, index) => ({ wish, index })).sort((a, b) => a.wish - b.wish)
  let left = Math.max(0, total)
  for (const [rank, { wish, index }] of smallestFirst.entries()) {
    const share = Math.min(wish, Math.floor(left / (wishes.length - rank)))
    given[index] = share
    left -= share
  }
  return given
}
