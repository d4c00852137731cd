import { pino } from 'pino'
import type { EmbeddedCore } from '../../gateway/core/embedded-core.js'
import { systemClock } from '../../gateway/cpm/clock.js'
import { digestResponse, formatCredentials, parseChallenges } from '../../gateway/cpm/digest.js'
import { createSipEdge } from '../../gateway/sip/edge.js'
import type { SipMetrics } from '../../gateway/sip/options.js'
import type { CpmRequest, CpmRequestHandler, SipEdge } from '../../gateway/sip/port.js'
import { type SipServer, startSipServer } from '../../gateway/sip-server/server.js'
import { DOMAIN, memoryNotes, testConfig, testCore } from '../core/support.js'
import type { RawClient, Wire } from './raw-client.js'

export const silent = pino({ level: 'silent' })
const SECRET = 'test secret'

/** The edge behind the real embedded SIP server, and what it heard. */
export interface EdgeHouse {
  readonly edge: SipEdge
  readonly core: EmbeddedCore | undefined
  readonly server: SipServer
  readonly udp: string
  readonly tcp: string
  readonly requests: readonly CpmRequest[]
  readonly badInput: readonly string[]
  stop(): Promise<void>
}

export async function startHouse(
  options: { readonly sip?: object; readonly onRequest?: CpmRequestHandler; readonly clock?: typeof systemClock } = {},
): Promise<EdgeHouse> {
  const { clock = systemClock, onRequest = async () => ({ status: 202 }) } = options
  const server = await startSipServer({
    listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'],
    control: { host: '127.0.0.1', port: 0, secret: SECRET },
    maxMessageBytes: 65_536,
  })
  const config = testConfig({ sip: options.sip ?? {} })
  const core = config.sip.core === 'embedded' ? testCore(clock, memoryNotes(), config) : undefined
  const requests: CpmRequest[] = []
  const badInput: string[] = []
  const metrics: SipMetrics = {
    requestIn: () => undefined,
    requestOut: () => undefined,
    badInput: (why) => badInput.push(why),
    link: () => undefined,
  }
  const edge = createSipEdge({
    config,
    server: { ...server.control, secret: SECRET },
    ...(core && { core }),
    onRequest(request) {
      requests.push(request)
      return onRequest(request)
    },
    clock,
    log: silent,
    metrics,
  })
  await edge.start()
  const at = (transport: string) => edge.listening().find((address) => address.startsWith(transport)) ?? ''
  return {
    edge,
    core,
    server,
    udp: at('udp:'),
    tcp: at('tcp:'),
    requests,
    badInput,
    async stop() {
      await edge.stop()
      await server.stop()
    },
  }
}

export const INSTANCE = 'a3c1d7e2-5b84-4f0e-9c26-71d0e8b5f3a9'

/** Headers of a REGISTER of a device. */
export function registration(client: RawClient, user = 'alice', more: Readonly<Record<string, string>> = {}) {
  const at = `127.0.0.1:${client.port};transport=${client.transport}`
  return {
    From: `<sip:${user}@${DOMAIN}>;tag=r`,
    To: `<sip:${user}@${DOMAIN}>`,
    Contact: `<sip:${user}@${at}>;+sip.instance="<urn:uuid:${INSTANCE}>"`,
    Expires: '600',
    ...more,
  }
}

/** An Authorization value that answers the challenge with this algorithm. */
export function credentials(
  challenged: Wire,
  request: { readonly method: string; readonly uri: string; readonly user: string; readonly password: string },
  algorithm: 'MD5' | 'SHA-256' = 'SHA-256',
): string {
  const lines = [...challenged.all('WWW-Authenticate'), ...challenged.all('Proxy-Authenticate')]
  const challenge = parseChallenges(lines.join(', ')).find((each) => each.algorithm === algorithm)
  if (!challenge) throw new Error(`no ${algorithm} challenge in ${challenged.text}`)
  const { realm, nonce } = challenge
  const fields = { username: request.user, realm, nonce, uri: request.uri, algorithm, cnonce: 'abc', nc: '00000001' }
  return formatCredentials({ ...fields, response: digestResponse(fields, request.password, request.method) })
}

/** Registers a device; gives the final answer. */
export async function register(
  client: RawClient,
  user = 'alice',
  password = 'wonderland',
  more: Readonly<Record<string, string>> = {},
): Promise<Wire> {
  const line = `REGISTER sip:${DOMAIN} SIP/2.0`
  const headers = registration(client, user, more)
  const challenged = await client.ask(line, headers)
  const authorization = credentials(challenged, { method: 'REGISTER', uri: `sip:${DOMAIN}`, user, password })
  return client.ask(line, { ...headers, Authorization: authorization })
}

/** A CPIM body from one party to another, with a request for a delivery notification. */
export function cpim(from: string, to: string, text = 'hello', messageId = 'Msg-1'): string {
  return [
    `From: <${from}>`,
    `To: <${to}>`,
    'DateTime: 2026-01-01T00:00:00Z',
    'NS: imdn <urn:ietf:params:imdn>',
    `imdn.Message-ID: ${messageId}`,
    'imdn.Disposition-Notification: positive-delivery',
    '',
    'Content-Type: text/plain;charset=utf-8',
    '',
    text,
  ].join('\r\n')
}

/** Headers of a MESSAGE. */
export function message(from: string, to: string, more: Readonly<Record<string, string>> = {}) {
  return { From: `<${from}>;tag=m`, To: `<${to}>`, 'Content-Type': 'message/cpim', ...more }
}
