import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { sipRequestUri } from '../cpm/address.js'
import type { Clock } from '../cpm/clock.js'
import type { EventPort } from '../sip/port.js'
import type { Registrar, RegistrationChange } from './port.js'

export interface ThirdPartyOptions {
  readonly registrar: Registrar
  /** Application servers to be told. */
  readonly servers: readonly string[]
  readonly domain: string
  readonly port: Pick<EventPort, 'sendInDialog'>
  readonly clock: Clock
  readonly log: Logger
}

/**
 * Third-party registration (3GPP TS 24.229 §5.4.1.7; `REG-16`): application servers hear that a user registered, refreshed or left.
 * Whatever more they want to know they subscribe to.
 */
export function startThirdPartyRegistration({ registrar, servers, domain, port, clock, log }: ThirdPartyOptions): void {
  async function tell(server: string, { user, bindings }: RegistrationChange): Promise<void> {
    const core = `sip:${domain}`
    const until = Math.max(...bindings.map(({ expiresAt }) => expiresAt), clock.now())
    const expires = Math.ceil((until - clock.now()) / 1000)
    const reply = await port.sendInDialog({
      method: 'REGISTER',
      dialog: {
        role: 'uac',
        callId: randomUUID(),
        localTag: randomUUID().slice(0, 8),
        local: core,
        remote: sipRequestUri(user.uri, domain),
        target: server,
        routes: [],
        localSequence: 1,
        remoteSequence: 0,
      },
      headers: {
        Contact: `<sip:scscf@localhost>;expires=${expires}`,
        Event: 'registration',
        Expires: String(expires),
        'P-Associated-URI': user.addresses.map((address) => `<${address}>`).join(', '),
        'P-Asserted-Identity': `<${core}>`,
      },
    })
    if (reply.kind !== 'answered' || reply.status >= 300) {
      log.warn({ server, user: user.uri, said: reply.said }, 'application server not told of a registration')
    }
  }

  registrar.onChanged((change) => {
    for (const server of servers) {
      tell(server, change).catch((error: unknown) => log.warn({ server, err: error }, 'third-party REGISTER failed'))
    }
  })
}
