import { type Features, matchesPredicate, parseFeatures } from './features.js'

/** What a sender says of the devices he wants (RFC 3841): one predicate for each header value. */
export interface CallerWishes {
  readonly accept: readonly Features[]
  readonly reject: readonly Features[]
}

const MAX_HEADER = 8_192
const MAX_PREDICATES = 32
/** Header values stand between commas outside quotes. */
const VALUE = /(?:[^,"]|"(?:[^"\\]|\\.)*")+/g

/** Reads Accept-Contact and Reject-Contact, several joined with commas. A value that cannot be read counts for nothing. */
export function parseWishes(headers: { readonly accept?: string; readonly reject?: string }): CallerWishes {
  return { accept: predicates(headers.accept), reject: predicates(headers.reject) }
}

function predicates(header = ''): readonly Features[] {
  if (header.length > MAX_HEADER) return []
  const values = (header.match(VALUE) ?? []).slice(0, MAX_PREDICATES)
  return values
    .filter((value) => value.trim().startsWith('*'))
    .map(parseFeatures)
    .filter((features) => features !== undefined)
}

/**
 * Whether a device with these features may get the request (RFC 3841 §7.2.4): no Reject-Contact describes it, and every
 * Accept-Contact with `require` fits; with `explicit`, too, it has to say so itself.
 */
export function isWanted(features: Features, { accept, reject }: CallerWishes): boolean {
  if (reject.some((predicate) => matchesPredicate(features, predicate) === 'matches')) return false
  return accept.every((predicate) => {
    if (predicate.require === undefined) return true
    const fit = matchesPredicate(features, predicate)
    return fit === 'matches' || (fit === 'undeclared' && predicate.explicit === undefined)
  })
}
