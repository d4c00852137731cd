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

/** Bindings read are believed this long; a change by another node is seen at the latest then. */
const BELIEVED_MS = 1000
/** Users whose bindings are remembered between two reads. */
const REMEMBERED_USERS = 10_000

/** The registrar of the embedded core. Its state lies in notes, so that it outlives the process and all nodes share it. */
export function createRegistrar(options: {
  readonly notes: NoteStore
  readonly directory: UserDirectory
  readonly config: Config['sip']['registration']
  readonly clock: Clock
}): RegistrarService {
  const { notes, directory, config, clock } = options
  const read = new Map<Uri, { readonly at: number; readonly bindings: readonly StoredBinding[] }>()
  const listeners: ((user: Uri) => void)[] = []

  function remember(user: Uri, bindings: readonly StoredBinding[]): void {
    read.delete(user)
    read.set(user, { at: clock.now(), bindings })
    const oldest = read.size > REMEMBERED_USERS ? read.keys().next() : undefined
    if (oldest?.value !== undefined) read.delete(oldest.value)
  }

  async function stored(user: Uri): Promise<readonly StoredBinding[]> {
    const known = read.get(user)
    if (known && clock.now() - known.at < BELIEVED_MS) return known.bindings
    const text = await notes.get(noteKey(user))
    const bindings: readonly StoredBinding[] = text === undefined ? [] : JSON.parse(text)
    remember(user, bindings)
    return bindings
  }

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
    remember(owner.uri, change.bindings)
    if (change.registered) for (const listener of listeners) listener(owner.uri)
    return success(owner, change.bindings, now)
  }

  return {
    async bindings(user) {
      const now = clock.now()
      const living = await stored(directory.find(user)?.uri ?? user)
      return living.every((binding) => binding.expiresAt > now)
        ? living
        : living.filter((binding) => binding.expiresAt > now)
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
