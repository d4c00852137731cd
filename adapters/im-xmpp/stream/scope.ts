/**
 * Namespaces in XML 1.0, for as much of a stream as is kept. The parser would look for the declaration of every name through all
 * elements around it, which costs the square of the depth; what is beyond the limits has to cost no more than its length.
 */
export interface Scope {
  readonly declared: ReadonlyMap<string, string>
  readonly around?: Scope
}

export class UnknownPrefix extends Error {}

/** Outside of the stream: nothing but what is always declared. */
export const XML_SCOPE: Scope = {
  declared: new Map([
    ['', ''],
    ['xml', 'http://www.w3.org/XML/1998/namespace'],
    ['xmlns', 'http://www.w3.org/2000/xmlns/'],
  ]),
}

/** The scope of an element with these attributes. */
export function inScope(attributes: Readonly<Record<string, string>>, around: Scope): Scope {
  const declared = Object.entries(attributes).flatMap(([name, uri]): (readonly [string, string])[] => {
    if (name === 'xmlns') return [['', uri]]
    return name.startsWith('xmlns:') ? [[name.slice(6), uri]] : []
  })
  return declared.length === 0 ? around : { declared: new Map(declared), around }
}

export const localName = (name: string): string => name.slice(name.indexOf(':') + 1)

/** A name in its scope; `without` is the namespace of one without a prefix, if it has not that of its scope. Throws UnknownPrefix. */
export function nameIn(scope: Scope, name: string, without?: string): { readonly uri: string; readonly local: string } {
  const colon = name.indexOf(':')
  if (colon < 0 && without !== undefined) return { uri: without, local: name }
  const prefix = colon < 0 ? '' : name.slice(0, colon)
  const local = localName(name)
  if (colon === 0 || local === '' || local.includes(':')) throw new UnknownPrefix('a name that is none')
  for (let each: Scope | undefined = scope; each !== undefined; each = each.around) {
    const uri = each.declared.get(prefix)
    if (uri !== undefined) return { uri, local }
  }
  throw new UnknownPrefix('a prefix that is not declared')
}
