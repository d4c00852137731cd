const FILE_TRANSFER = 'application/vnd.gsma.rcs-ft-http+xml'
const URI_LIST = 'text/uri-list'

/** Media types that say where a file is, and are not the file. */
export const LINK_TYPES: readonly string[] = [FILE_TRANSFER, URI_LIST]

const URL_IN_TEXT = /https?:\/\/[^\s"'<>]{1,2000}/g

/** Where the file is: the descriptor of one names its thumbnail first and the file last. Undefined for media of other types. */
export function fileLink(type: string, text: string): string | undefined {
  if (!LINK_TYPES.includes(type)) return undefined
  const found = text
    .replace(/^#.*$/gm, '')
    .match(URL_IN_TEXT)
    ?.map((url) => url.replaceAll('&amp;', '&'))
  return type === URI_LIST ? found?.[0] : found?.at(-1)
}
