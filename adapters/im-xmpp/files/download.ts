import { lookup } from 'node:dns'
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { Clock } from '../../../gateway/cpm/clock.js'
import type { Content } from '../../../gateway/cpm/message.js'
import { parseMediaType } from '../../../gateway/cpm/mime.js'
import type { XmppOptions } from '../profile.js'
import { isInternal } from './internal.js'

/**
 * Fetches the file behind a link; undefined when it is not to be had, not wanted, or no file. Whoever sends the link is a stranger,
 * and so is the server it names: neither may make the gateway ask what is internal, wait, or take more than it should.
 */
export type Download = (link: string) => Promise<Content | undefined>

type Rules = NonNullable<XmppOptions['download']>

/** Kinds of files that a device shows; pages and programs stay links. */
const KINDS = /^(?:image\/(?!svg)|audio\/|video\/|application\/pdf$|text\/(?:x-)?vcard$|text\/calendar$)/

export function createDownload(rules: Rules, clock: Clock): Download {
  let underWay = 0
  return async (link) => {
    const url = wanted(link, rules)
    if (url === undefined || underWay >= rules.parallel) return undefined
    const giveUp = new AbortController()
    const cancel = clock.after(rules.within, () => giveUp.abort())
    underWay += 1
    try {
      return await fetchFile(url, rules, giveUp.signal)
    } catch {
      return undefined
    } finally {
      cancel()
      underWay -= 1
    }
  }
}

/** The link, if it is one that may be asked. */
function wanted(link: string, { hosts, internal }: Rules): URL | undefined {
  if (link.length > 2_000 || !URL.canParse(link)) return undefined
  const url = new URL(link)
  // XEP-0363 §4 knows no other scheme; networks of one's own may.
  if (url.protocol !== 'https:' && !(internal && url.protocol === 'http:')) return undefined
  if (url.username !== '' || url.password !== '') return undefined
  if (hosts.length > 0 && !hosts.includes(url.hostname)) return undefined
  const literal = url.hostname.replace(/^\[|\]$/g, '')
  // A name is judged when it is known what it stands for.
  if (!internal && isIP(literal) !== 0 && isInternal(literal)) return undefined
  return url
}

/** Resolves a name for the connection itself, so that what was judged is what is asked. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? []
    if (error) callback(error, '', 0)
    else if (first === undefined || addresses.some(({ address }) => isInternal(address)))
      callback(new Error('an internal address'), '', 0)
    else if (options.all) callback(null, addresses)
    else callback(null, first.address, first.family)
  })
}

async function fetchFile(url: URL, rules: Rules, signal: AbortSignal): Promise<Content | undefined> {
  const response = await get(url, rules, signal)
  try {
    // Redirects are not followed: they lead anywhere. Nor is anything unpacked.
    if (response.statusCode !== 200 || (response.headers['content-encoding'] ?? 'identity') !== 'identity')
      return undefined
    const type = response.headers['content-type'] ?? ''
    const kind = parseMediaType(type)?.type
    if (kind === undefined || !KINDS.test(kind) || Number(response.headers['content-length'] ?? 0) > rules.maxFile)
      return undefined
    const octets = await read(response, rules.maxFile)
    return octets && { type: kind, base64: octets.toString('base64') }
  } finally {
    response.destroy()
  }
}

function get(url: URL, { internal }: Rules, signal: AbortSignal): Promise<IncomingMessage> {
  const options: RequestOptions = {
    signal,
    agent: false,
    maxHeaderSize: 8_192,
    headers: { 'accept-encoding': 'identity' },
    ...(internal ? {} : { lookup: publicLookup }),
  }
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? httpsRequest(url, options) : httpRequest(url, options)
    request.on('response', resolve)
    request.on('error', reject)
    request.end()
  })
}

/** The whole body; undefined when it is longer than it may be. A body cut short is an error. */
async function read(response: IncomingMessage, most: number): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length
    if (size > most) return undefined
    parts.push(part)
  }
  return size === 0 ? undefined : Buffer.concat(parts)
}
