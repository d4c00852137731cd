import { onTestFinished } from 'vitest'
import type { Report } from '../../gateway/msrp/awaited-reports.js'
import { MsrpEndpoint, type MsrpOptions, type SessionOptions } from '../../gateway/msrp/endpoint.js'
import type { IncomingMessage, Verdict } from '../../gateway/msrp/incoming.js'
import type { MsrpCount } from '../../gateway/msrp/observer.js'
import { collect } from '../../gateway/msrp/octet-pipe.js'
import type { MsrpSession, SessionEnd, SessionHandlers } from '../../gateway/msrp/session.js'
import { formatPath, type Path, parsePath } from '../../gateway/msrp/wire/uri.js'
import { dial, type Peer } from './peer.js'

/** A queue of things that happen, to be awaited one after the other. */
export class Happened<T> {
  readonly #items: T[] = []
  #wake: (() => void) | undefined

  add(item: T): void {
    this.#items.push(item)
    this.#wake?.()
  }

  get count(): number {
    return this.#items.length
  }

  async next(): Promise<T> {
    while (this.#items.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#items.shift() as T
  }
}

export interface Counts {
  readonly counts: Map<MsrpCount, number>
  /** Resolves when this has happened so often. */
  until(event: MsrpCount, times?: number): Promise<void>
}

export async function startEndpoint(options: Partial<MsrpOptions> = {}): Promise<MsrpEndpoint & Counts> {
  const counts = new Map<MsrpCount, number>()
  const waiting = new Set<() => void>()
  const endpoint = await MsrpEndpoint.start({
    listen: [{ host: '127.0.0.1', port: 0, secure: options.tls !== undefined }],
    observer: {
      count(event) {
        counts.set(event, (counts.get(event) ?? 0) + 1)
        for (const look of [...waiting]) look()
      },
      fault(error) {
        throw error
      },
    },
    ...options,
  })
  onTestFinished(() => endpoint.close())
  const until = (event: MsrpCount, times = 1): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if ((counts.get(event) ?? 0) < times) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
  return Object.assign(endpoint, { counts, until })
}

export const portOf = (endpoint: MsrpEndpoint): number => endpoint.addresses[0]?.port ?? 0

/** A session that keeps what it is told. */
export interface Party {
  readonly session: MsrpSession
  readonly texts: Happened<string>
  readonly messages: Happened<IncomingMessage>
  readonly reports: Happened<Report>
  readonly bound: Happened<true>
  readonly closed: Happened<SessionEnd>
  readonly path: string
}

export function party(
  endpoint: MsrpEndpoint,
  handlers: Partial<SessionHandlers> = {},
  options: SessionOptions = {},
): Party {
  const texts = new Happened<string>()
  const messages = new Happened<IncomingMessage>()
  const reports = new Happened<Report>()
  const bound = new Happened<true>()
  const closed = new Happened<SessionEnd>()
  const session = endpoint.open(
    {
      async message(message): Promise<Verdict> {
        messages.add(message)
        const octets = await collect(message.body, 10_000_000)
        texts.add(octets?.toString('latin1') ?? '')
        return { status: 200 }
      },
      report: (report) => reports.add(report),
      bound: () => bound.add(true),
      closed: (why) => closed.add(why),
      ...handlers,
    },
    options,
  )
  if (session === undefined) throw new Error('too many sessions')
  return { session, texts, messages, reports, bound, closed, path: formatPath(session.path) }
}

export function pathOf(text: string): Path {
  const path = parsePath(text)
  if (path === undefined) throw new Error(`no path: ${text}`)
  return path
}

/** Two parties of one session: `one` connects to `other`. */
export function introduce(one: Party, other: Party): void {
  other.session.start({ role: 'passive', remotePath: one.session.path })
  one.session.start({ role: 'active', remotePath: other.session.path })
}

/** The URI of a peer that speaks text. */
export const PEER = 'msrp://127.0.0.1:9/peer-session;tcp'
export const chunk = (path: string, transaction: string, range: string, body: string, flag: string, id = 'm1') =>
  `MSRP ${transaction} SEND\nTo-Path: ${path}\nFrom-Path: ${PEER}\nMessage-ID: ${id}\nByte-Range: ${range}\nContent-Type: text/plain\n\n${body}\n-------${transaction}${flag}\n`

export async function reached(
  options: Parameters<typeof startEndpoint>[0] = {},
  ...more: readonly [handlers?: Parameters<typeof party>[1], session?: Parameters<typeof party>[2]]
) {
  const endpoint = await startEndpoint(options)
  const one = party(endpoint, ...more)
  one.session.start({ role: 'passive', remotePath: pathOf(PEER) })
  const peer = await dial(portOf(endpoint))
  return { endpoint, one, peer }
}

export const statuses = async (peer: Peer, count: number): Promise<readonly string[]> => {
  const seen: string[] = []
  for (let i = 0; i < count; i++) {
    const { transaction, first } = await peer.hears()
    seen.push(`${transaction} ${first.slice(0, 3)}`)
  }
  return seen
}
