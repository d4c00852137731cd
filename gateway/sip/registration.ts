import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { parametersOf, parseNameAddrs } from '../core/name-addr.js'
import { sipRequestUri } from '../cpm/address.js'
import type { Clock } from '../cpm/clock.js'
import { ICSI, icsiFeatureTag } from '../cpm/features.js'
import type { Uri } from '../cpm/ids.js'
import { requestWithCredentials } from './client-authentication.js'
import type { SipHeaders } from './headers.js'
import type { SipStack } from './stack.js'

/** A registration that is kept alive until it is stopped (`REG-01` to `REG-05`). */
export interface Registration {
  /** Rejects with the core's refusal. */
  start(): Promise<void>
  stop(): Promise<void>
}

export interface RegistrationOptions {
  readonly stack: SipStack
  readonly uri: Uri
  readonly user: string
  readonly password: string
  readonly domain: string
  readonly coreUri: string
  readonly instance: string
  readonly clock: Clock
  readonly log: Logger
}

const EXPIRES_S = 3600
const REQUEST_TIMEOUT_MS = 35_000
const RETRY_MS = 5_000

export function createRegistration(options: RegistrationOptions): Registration {
  const { stack, uri, user, domain, coreUri, instance, clock, log } = options
  // RFC 3261 §10.2: one Call-ID for all registrations, and a CSeq that grows.
  const callId = randomUUID()
  let cseq = 0
  let cancel = (): void => undefined
  let stopped = false

  /** The Contact names where our server listens; the core comes back along the flow anyway. */
  function contact(): string {
    const named = /;transport=(\w+)/i.exec(coreUri)?.[1]?.toLowerCase() ?? 'udp'
    const transport = /^sips:/i.test(coreUri) ? 'tls' : named
    const own = stack.listening().find((address) => address.startsWith(`${transport}:`))
    return `<sip:${user}@${own?.slice(transport.length + 1) ?? domain};transport=${transport}>;+sip.instance="<urn:uuid:${instance}>";${icsiFeatureTag(ICSI.message)}`
  }

  async function register(expires: number): Promise<SipHeaders> {
    const aor = `<${uri.startsWith('tel:') ? uri : sipRequestUri(uri, domain)}>`
    const headers = () => ({
      From: aor,
      To: aor,
      'Call-ID': callId,
      CSeq: `${++cseq} REGISTER`,
      Contact: contact(),
      Expires: String(expires),
    })
    const request = { method: 'REGISTER', uri: `sip:${domain}`, nextHop: coreUri }
    const exchange = await requestWithCredentials(stack, request, headers, options, REQUEST_TIMEOUT_MS)
    if (exchange.kind !== 'answered') throw new Error(exchange.said)
    const { status, reason } = exchange
    if (status >= 300) throw new Error(`${status} ${reason} ${exchange.headers.get('warning') ?? ''}`.trimEnd())
    return exchange.headers
  }

  async function renew(): Promise<void> {
    const granted = grantedSeconds(await register(EXPIRES_S), instance)
    if (!stopped) cancel = clock.after(granted * 500, keepAlive)
  }

  function keepAlive(): void {
    renew().catch((error: unknown) => {
      log.warn({ err: error }, 'registration not renewed')
      if (!stopped) cancel = clock.after(RETRY_MS, keepAlive)
    })
  }

  return {
    start: renew,
    async stop() {
      stopped = true
      cancel()
      if (cseq === 0) return
      await register(0).catch((error: unknown) => log.warn({ err: error }, 'not unregistered'))
    },
  }
}

/** The expiry the registrar gave our Contact. */
function grantedSeconds(headers: SipHeaders, instance: string): number {
  const own = parseNameAddrs(headers.get('contact') ?? '')?.find(({ parameters }) => parameters.includes(instance))
  const expires = parametersOf(own?.parameters ?? '').find(([name]) => name === 'expires')?.[1]
  const granted = Number(expires ?? headers.get('expires'))
  return granted > 0 ? granted : EXPIRES_S
}
