import type { Config } from '../config/schema.js'
import type { Clock } from '../cpm/clock.js'
import type { NoteStore } from '../spool/spool.js'
import type { Registrar, User, UserDirectory } from './port.js'

/** A REGISTER of a user who has proved to be himself. */
export interface RegisterRequest {
  readonly user: User
  /** Address in To: what is being registered. */
  readonly addressOfRecord: string
  readonly callId: string
  readonly cseq: number
  /** Contact as it came, several joined with commas; absent asks for the list only. */
  readonly contact?: string
  /** Expires header. */
  readonly expires?: string
  /** transport:host:port the request came from. */
  readonly flow: string
}

export interface RegisterAnswer {
  readonly status: number
  /** Text of a Warning 399. */
  readonly warning?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface RegistrarService extends Registrar {
  /** RFC 3261 §10.3. Rejects with SpoolUnavailable. */
  register(request: RegisterRequest): Promise<RegisterAnswer>
}

export function createRegistrar(_options: {
  readonly notes: NoteStore
  readonly directory: UserDirectory
  readonly config: Config['sip']['registration']
  readonly clock: Clock
}): RegistrarService {
  throw new Error('signature only')
}
