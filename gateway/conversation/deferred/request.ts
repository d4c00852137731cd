/** What a user asks of his waiting messages: one line each, in a text message to the deferred messaging function (`DEF-03`, `DEF-04`). */
export type DeferredRequest =
  | { readonly kind: 'list' }
  | { readonly kind: 'fetch'; readonly ids: readonly string[] | 'all'; readonly part?: number }
  | { readonly kind: 'delete'; readonly ids: readonly string[] | 'all' }

const MAX_IDS = 200
const USAGE = 'expected list, fetch all, fetch ID…, fetch ID part N, delete all or delete ID…'

/** Reads such a text; a string says what is wrong with it. */
export function parseDeferredRequest(text: string): DeferredRequest | string {
  const [verb = '', ...words] = text.trim().split(/\s+/, MAX_IDS + 3)
  switch (verb.toLowerCase()) {
    case 'list':
      return words.length === 0 ? { kind: 'list' } : USAGE
    case 'fetch':
      return parseFetch(words)
    case 'delete': {
      const ids = idsOf(words)
      return ids === undefined ? USAGE : { kind: 'delete', ids }
    }
    default:
      return USAGE
  }
}

function parseFetch(words: readonly string[]): DeferredRequest | string {
  const [id, keyword, number] = words
  if (words.length === 3 && keyword?.toLowerCase() === 'part') {
    if (id === undefined || !/^[1-9]\d?$/.test(number ?? '')) return USAGE
    return { kind: 'fetch', ids: [id], part: Number(number) }
  }
  const ids = idsOf(words)
  return ids === undefined ? USAGE : { kind: 'fetch', ids }
}

function idsOf(words: readonly string[]): readonly string[] | 'all' | undefined {
  if (words.length === 0 || words.some((word) => word.toLowerCase() === 'part')) return undefined
  if (words.length === 1 && words[0]?.toLowerCase() === 'all') return 'all'
  return words.length > MAX_IDS ? undefined : [...new Set(words)]
}
