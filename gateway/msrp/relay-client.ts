import type { Clock } from '../cpm/clock.js'
import type { MsrpConnection, Rider } from './connection.js'
import type { Answer } from './transactions.js'
import { type Headers, header, newTransaction, type Response } from './wire/message.js'
import { DEFAULT_PORT, formatUri, type MsrpUri, newSessionId, parsePath } from './wire/uri.js'

/** A relay that lets us in (RFC 4976). */
export interface RelayLease {
  readonly connection: MsrpConnection
  /** What has to stand in a=path before our own URI. */
  readonly usePath: readonly MsrpUri[]
  /** Renews no more, and leaves the connection to the sessions that still use it. */
  release(): void
}

export interface RelayOptions {
  readonly relay: MsrpUri
  readonly clock: Clock
  /** An open connection to a host and port; an endpoint's `connect`. */
  connect(target: {
    readonly secure: boolean
    readonly host: string
    readonly port: number
    readonly name: string
  }): Promise<MsrpConnection>
  /** The Authorization that answers a WWW-Authenticate, digest with qop=auth; undefined when there is none. */
  authorize(challenge: string, method: 'AUTH', uri: string): string | undefined
  /** How long the relay shall keep the place for us, in seconds. */
  readonly expires?: number
  /** The relay has left, or refused to renew: what was offered with it leads nowhere. */
  lost?(): void
}

/** status: what the relay answered; undefined when it did not. */
export class RelayRefused extends Error {
  constructor(
    said: string,
    readonly status?: number,
  ) {
    super(said)
  }
}

const DEFAULT_EXPIRES = 1800
/** A challenge, a stale nonce, and another lifetime. */
const MAX_ATTEMPTS = 4

/** Asks a relay for a place (RFC 4976 §5.1) and keeps it until released. Rejects with RelayRefused, or when it cannot be reached. */
export async function leaseRelay(options: RelayOptions): Promise<RelayLease> {
  const { relay, clock } = options
  const { secure, host, port = DEFAULT_PORT } = relay
  const connection = await options.connect({ secure, host, port, name: host })
  const own: MsrpUri = { secure, host: 'anonymous.invalid', port: 9, sessionId: newSessionId(), transport: 'tcp' }
  let cancel = (): void => undefined
  const rider: Rider = {
    lost() {
      cancel()
      options.lost?.()
    },
  }
  const renewAfter = (seconds: number): void => {
    cancel = clock.after(seconds * 900, () => {
      authenticate(connection, own, options).then(
        ({ expires }) => renewAfter(expires),
        () => {
          connection.leave(rider)
          options.lost?.()
        },
      )
    })
  }
  connection.board(rider)
  try {
    const { usePath, expires } = await authenticate(connection, own, options)
    renewAfter(expires)
    return {
      connection,
      usePath,
      release() {
        cancel()
        connection.leave(rider)
      },
    }
  } catch (error) {
    connection.leave(rider)
    throw error
  }
}

interface Place {
  readonly usePath: readonly MsrpUri[]
  readonly expires: number
}

/** AUTH, and again with what the relay asks for: credentials, or another lifetime. */
async function authenticate(connection: MsrpConnection, own: MsrpUri, options: RelayOptions): Promise<Place> {
  const { relay, authorize } = options
  let expires = options.expires ?? DEFAULT_EXPIRES
  let authorization: string | undefined
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const { status, headers } = await auth(connection, relay, own, [
      ['Expires', String(expires)],
      ...(authorization === undefined ? [] : ([['Authorization', authorization]] as const)),
    ])
    if (status === 200) return placeOf(headers, expires)
    if (status === 401) authorization = authorize(header(headers, 'WWW-Authenticate') ?? '', 'AUTH', formatUri(relay))
    else if (status === 423) expires = boundOf(headers) ?? expires
    else throw new RelayRefused(`the relay answered ${status}`, status)
    if (status === 401 && authorization === undefined)
      throw new RelayRefused('the relay asks for what we have not', 401)
  }
  throw new RelayRefused('the relay is never content')
}

async function auth(connection: MsrpConnection, relay: MsrpUri, own: MsrpUri, headers: Headers): Promise<Response> {
  const request = { transaction: newTransaction(), method: 'AUTH', toPath: [relay], fromPath: [own], headers } as const
  const answer = await new Promise<Answer>((resolve) => connection.request(request, resolve))
  if (answer.kind !== 'answered') throw new RelayRefused('the relay did not answer')
  return answer.response
}

function placeOf(headers: Headers, wanted: number): Place {
  const usePath = parsePath(header(headers, 'Use-Path') ?? '')
  if (usePath === undefined) throw new RelayRefused('the relay gave no Use-Path', 200)
  return { usePath, expires: secondsOf(headers, 'Expires') ?? wanted }
}

/** The lifetime the relay would take (RFC 4976 §5). */
const boundOf = (headers: Headers): number | undefined =>
  secondsOf(headers, 'Min-Expires') ?? secondsOf(headers, 'Max-Expires')

function secondsOf(headers: Headers, name: string): number | undefined {
  const text = header(headers, name) ?? ''
  return /^[1-9]\d{0,6}$/.test(text) ? Number(text) : undefined
}
