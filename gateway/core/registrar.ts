import type { Config } from '../config/schema.js'
import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import type { NoteStore } from '../spool/spool.js'
import { type BindingChange, changeBindings, type StoredBinding } from './bindings.js'
import { formatContact } from './contact.js'
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

/** The registrar of the embedded core. Its state lies in notes, so that it outlives the process and all nodes share it. */
export function createRegistrar(options: {
  readonly notes: NoteStore
  readonly directory: UserDirectory
  readonly config: Config['sip']['registration']
  readonly clock: Clock
}): RegistrarService {
  const { notes, directory, config, clock } = options
  const listeners: ((user: Uri) => void)[] = []

  async function register(request: RegisterRequest): Promise<RegisterAnswer> {
    const owner = directory.find(request.addressOfRecord)
    if (!owner) return { status: 404, warning: 'the address in To is not one of this domain' }
    if (owner.uri !== request.user.uri) return { status: 403, warning: 'the address in To belongs to another user' }
    const now = clock.now()
    const change = await notes.update<readonly StoredBinding[], BindingChange>(
      noteKey(owner.uri),
      config.maxExpires,
      (state) => {
        const result = changeBindings(state ?? [], request, now, config)
        if (result.kind === 'refused') return { next: state, result }
        return { next: result.bindings.length === 0 ? undefined : result.bindings, result }
      },
    )
    if (change.kind === 'refused') return change.answer
    if (change.registered) for (const listener of listeners) listener(owner.uri)
    return success(owner, change.bindings, now)
  }

  return {
    async bindings(user) {
      const text = await notes.get(noteKey(directory.find(user)?.uri ?? user))
      const stored: readonly StoredBinding[] = text === undefined ? [] : JSON.parse(text)
      const now = clock.now()
      return stored.filter((binding) => binding.expiresAt > now)
    },
    onRegistered(listener) {
      listeners.push(listener)
    },
    register,
  }
}

/** The 200 with the complete list (`REG-13`) and the user's other addresses (`REG-15`). */
function success(user: User, bindings: readonly StoredBinding[], now: number): RegisterAnswer {
  const list = bindings.map((binding) => formatContact(binding, Math.ceil((binding.expiresAt - now) / 1000)))
  return {
    status: 200,
    headers: {
      ...(list.length > 0 && { Contact: list.join(', ') }),
      'P-Associated-URI': user.addresses.map((address) => `<${address}>`).join(', '),
    },
  }
}

function noteKey(user: Uri): string {
  return `registration:${user}`
}
