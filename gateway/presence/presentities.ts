import { randomBytes } from 'node:crypto'
import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import type { PresenceState } from '../cpm/presence.js'
import type { Reminders } from '../spool/reminders.js'
import type { NoteStore } from '../spool/spool.js'
import { compose } from './composition.js'
import { type Publication, type PublishOutcome, type PublishRequest, publish } from './publication.js'

/** The states of users, as their devices publish them. All of it rejects with SpoolUnavailable. */
export interface Presentities {
  publish(user: Uri, request: PublishRequest): Promise<PublishOutcome>
  state(user: Uri): Promise<PresenceState>
  /** Sets who is told that a user's state has changed; who rejects is told again. */
  onChanged(listener: (user: Uri) => Promise<void>): void
}

export interface PresentitiesOptions {
  readonly notes: NoteStore
  readonly reminders: Reminders
  /** Whether a user counts as there although no device has published anything. */
  readonly isThere: (user: Uri) => Promise<boolean>
  readonly clock: Clock
}

const KIND = 'publication'
/** Longer than any publication lives. */
const LIFE_MS = 8 * 86_400_000

/** Publications lie in notes and their ends in reminders: they outlive the process, and every node sees the same. */
export function createPresentities({ notes, reminders, isThere, clock }: PresentitiesOptions): Presentities {
  let changed: (user: Uri) => Promise<void> = async () => undefined
  const noteKey = (user: Uri): string => `presence:${user}`

  const living = (publications: readonly Publication[]): readonly Publication[] =>
    publications.filter(({ expiresAt }) => expiresAt > clock.now())

  async function read(user: Uri): Promise<readonly Publication[]> {
    const text = await notes.get(noteKey(user))
    return text === undefined ? [] : living(JSON.parse(text))
  }

  /** The next end is set before anything is told: should this process die now, another one sees to it. */
  async function remind(user: Uri, publications: readonly Publication[]): Promise<void> {
    if (publications.length === 0) return
    await reminders.set(KIND, user, Math.min(...publications.map(({ expiresAt }) => expiresAt)))
  }

  reminders.on(KIND, async (subject) => {
    const user = subject as Uri
    const left = await notes.update<readonly Publication[], readonly Publication[]>(
      noteKey(user),
      LIFE_MS,
      (all = []) => {
        const next = living(all)
        return { next: next.length > 0 ? next : undefined, result: next }
      },
    )
    await changed(user)
    await remind(user, left)
  })

  return {
    async publish(user, request) {
      const fresh = { id: randomBytes(4).toString('hex'), etag: randomBytes(12).toString('hex') }
      const { outcome, left } = await notes.update<
        readonly Publication[],
        { readonly outcome: PublishOutcome; readonly left: readonly Publication[] }
      >(noteKey(user), LIFE_MS, (all = []) => {
        const { next, result } = publish(all, request, fresh, clock.now())
        return { next: next.length > 0 ? next : undefined, result: { outcome: result, left: next } }
      })
      await remind(user, left)
      if (outcome.kind === 'taken' && outcome.changed) await changed(user)
      return outcome
    },
    async state(user) {
      const publications = await read(user)
      return compose(publications, publications.length === 0 && (await isThere(user)))
    },
    onChanged(listener) {
      changed = listener
    },
  }
}
