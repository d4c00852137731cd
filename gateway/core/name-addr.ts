/** One entry of a header such as From, Contact, Route or P-Asserted-Identity (RFC 3261 §20.10, §25.1). */
export interface NameAddr {
  readonly name?: string
  readonly uri: string
  /** Header parameters as they stood, each with its semicolon; empty when there are none. */
  readonly parameters: string
}

const MAX_HEADER = 16_384

const QUOTED = '"(?:[^"\\\\]|\\\\.)*"'
const PARAMETER = `;\\s*[^\\s;=,"<>]+(?:\\s*=\\s*(?:${QUOTED}|[^\\s;,"<>]+))?`
const ENTRY = new RegExp(
  `(?:(?:(${QUOTED})\\s*|([^<>",;]*))<([^<>\\s"]*)>|([^\\s,;<>"]+))((?:\\s*${PARAMETER})*)\\s*(?:,\\s*|$)`,
  'y',
)
/** An address in brackets and nothing else, as most entries are. */
const BARE = /<[^<>\s"]+>\s*(?:,\s*|$)/y
const EACH_PARAMETER = new RegExp(`;\\s*([^\\s;=,"<>]+)(?:\\s*=\\s*(${QUOTED}|[^\\s;,"<>]+))?`, 'g')

/** The entries of a header, in order; undefined when it cannot be read. Without brackets, parameters are the header's. */
export function parseNameAddrs(header: string): readonly NameAddr[] | undefined {
  if (header.length > MAX_HEADER) return undefined
  const text = header.trim()
  const entries: NameAddr[] = []
  for (let at = 0; at < text.length; ) {
    BARE.lastIndex = at
    if (BARE.test(text)) {
      entries.push({ uri: text.slice(at + 1, text.indexOf('>', at)), parameters: '' })
      at = BARE.lastIndex
      continue
    }
    ENTRY.lastIndex = at
    const match = ENTRY.exec(text)
    const uri = match?.[3] ?? match?.[4]
    if (!match || !uri) return undefined
    const name = match[1] === undefined ? match[2]?.trim() : unquote(match[1])
    entries.push({ uri, parameters: match[5] ?? '', ...(name && { name }) })
    at = ENTRY.lastIndex
  }
  return entries.length === 0 ? undefined : entries
}

/** The URI of a header with exactly one entry, such as From and To. */
export function uriOf(header: string | undefined): string | undefined {
  const entries = header === undefined ? undefined : parseNameAddrs(header)
  return entries?.length === 1 ? entries[0]?.uri : undefined
}

/** Parameters in order: name in lower case, value as it stood (with its quotes), true when there is none. */
export function parametersOf(parameters: string): readonly (readonly [string, string | true])[] {
  return [...parameters.matchAll(EACH_PARAMETER)].map(
    (match) => [(match[1] ?? '').toLowerCase(), match[2] ?? true] as const,
  )
}

/** `"Name" <uri>`, or `<uri>` without a name. */
export function formatNameAddr(uri: string, name?: string): string {
  return name === undefined ? `<${uri}>` : `"${name.replace(/[\r\n]+/g, ' ').replace(/["\\]/g, '\\$&')}" <${uri}>`
}

/** The content of a quoted-string; any other text as it is. */
export function unquote(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text
}
