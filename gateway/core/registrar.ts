import type { Config } from '../config/schema.js'
import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import type { NoteStore } from '../spool/spool.js'
import { type BindingChange, changeBindings, contactChanges } from './bindings.js'
import { formatContact } from './contact.js'
import type { Binding, ContactChange, Registrar, RegistrationChange, User, UserDirectory } from './port.js'

/** A REGISTER of a user who has proved to be himself. */
export interface RegisterRequest {
  readonly user: User
  /** Address in To: what is being registered. */
  readonly addressOfRecord: string
  readonly callId: string
  readonly cseq: number
  /** Contact as it came, several joined with commas; absent asks for the list only. */
  readonly contact?: string
  /** Display name of From. */
  readonly name?: string
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
  /** Bindings whose life is over go, and the listeners hear of it. Rejects with SpoolUnavailable. */
  expire(user: Uri): Promise<void>
}

/** A note outlives its last binding, so that an end that came while no node ran can still be told. */
const GRACE_MS = 86_400_000

/** The registrar of the embedded core. Its state lies in notes, so that it outlives the process and all nodes share it. */
export function createRegistrar(options: {
  readonly notes: NoteStore
  readonly directory: UserDirectory
  readonly config: Config['sip']['registration']
  readonly clock: Clock
}): RegistrarService {
  const { notes, directory, config, clock } = options
  const listeners: ((change: RegistrationChange) => void)[] = []
  const lifeMs = config.maxExpires + GRACE_MS

  async function register(request: RegisterRequest): Promise<RegisterAnswer> {
    const owner = directory.find(request.addressOfRecord)
    if (!owner) return { status: 404, warning: 'the address in To is not one of this domain' }
    if (owner.uri !== request.user.uri) return { status: 403, warning: 'the address in To belongs to another user' }
    const now = clock.now()
    const change = await update(owner.uri, (before) => changeBindings(before, request, now, config))
    if (change.kind === 'refused') return change.answer
    tell(owner, change)
    return success(owner, change.bindings, now)
  }

  /** Applies a change of bindings, with the events that come of it. */
  function update(user: Uri, change: (before: readonly Binding[]) => BindingChange): Promise<Outcome> {
    return notes.update<readonly Binding[], Outcome>(noteKey(user), lifeMs, (state) => {
      const result = change(state ?? [])
      if (result.kind === 'refused') return { next: state, result }
      const { bindings } = result
      const changes = contactChanges(state ?? [], bindings, clock.now())
      return { next: bindings.length === 0 ? undefined : bindings, result: { ...result, changes } }
    })
  }

  function tell(user: User, { bindings, changes }: Changed): void {
    if (changes.length > 0) for (const listener of listeners) listener({ user, changes, bindings })
  }

  async function expire(uri: Uri): Promise<void> {
    const user = directory.find(uri)
    if (!user) return
    const now = clock.now()
    const living = (before: readonly Binding[]) => before.filter(({ expiresAt }) => expiresAt > now)
    const change = await update(user.uri, (before) => ({ kind: 'changed', bindings: living(before) }))
    if (change.kind === 'changed') tell(user, change)
  }

  return {
    async bindings(user) {
      const text = await notes.get(noteKey(directory.find(user)?.uri ?? user))
      const stored: readonly Binding[] = text === undefined ? [] : JSON.parse(text)
      const now = clock.now()
      return stored.filter((binding) => binding.expiresAt > now)
    },
    onRegistered(listener) {
      listeners.push(({ user, changes }) => {
        if (changes.some(({ event }) => event !== 'expired' && event !== 'unregistered')) listener(user.uri)
      })
    },
    onChanged(listener) {
      listeners.push(listener)
    },
    register,
    expire,
  }
}

type Changed = Extract<BindingChange, { kind: 'changed' }> & { readonly changes: readonly ContactChange[] }
type Outcome = Changed | Extract<BindingChange, { kind: 'refused' }>

/** The 200 with the complete list (`REG-13`) and the user's other addresses (`REG-15`). */
function success(user: User, bindings: readonly Binding[], now: number): RegisterAnswer {
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
