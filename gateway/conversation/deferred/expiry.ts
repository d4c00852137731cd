import type { ConversationPolicies } from '../../config/preferences.js'
import type { Clock } from '../../cpm/clock.js'
import type { FailureReason } from '../../cpm/failure.js'
import type { Boxes } from '../../spool/boxes.js'
import type { DeferredMessage } from '../port.js'
import type { DeferredRecorder } from './recorder.js'
import type { KeptEntry } from './work.js'

export interface ExpiryOptions {
  readonly boxes: Boxes
  readonly policies: ConversationPolicies['deferred']
  readonly clock: Clock
  readonly recorder: DeferredRecorder
  /** The sender hears of it if he asked; stored when it resolves, the same one told once only. */
  readonly undelivered: (deferred: DeferredMessage, reason: FailureReason) => Promise<void>
  readonly onError: (error: unknown) => void
}

const SWEEP_MS = 5_000
const AT_ONCE = 200

/** Ends the lives of waiting messages (`CPM-DEF-003`). Every node sweeps; what two of them find happens once. Returns its stop. */
export function startExpiry({ boxes, policies, clock, recorder, undelivered, onError }: ExpiryOptions): () => void {
  let cancel = clock.after(SWEEP_MS, sweep)
  let stopped = false

  function sweep(): void {
    endDue()
      .catch(onError)
      .finally(() => {
        if (!stopped) cancel = clock.after(SWEEP_MS, sweep)
      })
  }

  async function endDue(): Promise<void> {
    for (;;) {
      const now = clock.now()
      const due = await boxes.due(now, AT_ONCE)
      for (const { owner, id } of due) {
        const entry = (await boxes.find(owner, id)) as KeptEntry | undefined
        // Another node may have given it a longer life meanwhile.
        if (entry?.expiresAt !== undefined && entry.expiresAt <= now) await end(owner, entry, entry.expiresAt)
      }
      if (due.length < AT_ONCE || stopped) return
    }
  }

  async function end(owner: string, entry: KeptEntry, expiresAt: number): Promise<void> {
    const { content } = entry
    if (policies.atExpiry === 'keep') {
      const { expiresAt: _over, ...kept } = entry
      if (await boxes.replace(owner, { ...kept, folder: 'stored' })) recorder.event('stored', content.deferred)
      return
    }
    if (policies.atExpiry === 'extend' && !content.extended) {
      const longer = { ...entry, expiresAt: expiresAt + policies.extension, content: { ...content, extended: true } }
      if (await boxes.replace(owner, longer)) recorder.event('extended', content.deferred)
      return
    }
    await undelivered(content.deferred, 'expired')
    if ((await boxes.remove(owner, [entry.id])) > 0) recorder.event('expired', content.deferred)
  }

  return () => {
    stopped = true
    cancel()
  }
}
