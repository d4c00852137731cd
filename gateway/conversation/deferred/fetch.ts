import type { CpmMessage } from '../../cpm/message.js'
import type { Boxes } from '../../spool/boxes.js'
import type { Verdict } from '../../spool/spool.js'
import type { ToDevices } from '../delivery.js'
import { partOf } from './part.js'
import { deferredDelivery } from './push.js'
import type { DeferredRecorder } from './recorder.js'
import type { DeferredWork, KeptEntry } from './work.js'

export interface FetchOptions {
  readonly boxes: Boxes
  readonly toDevices: ToDevices
  readonly recorder: DeferredRecorder
}

type Fetch = DeferredWork & { readonly kind: 'fetch' }

/**
 * Sends the messages that a user has asked for to the device that asked (`DEF-03`, `CPM-CONV-009`). A whole one leaves the store
 * when the device has it; after one that is not taken the rest stays for another request.
 */
export function createFetch({ boxes, toDevices, recorder }: FetchOptions) {
  return async function fetch(work: Fetch): Promise<Verdict<DeferredWork>> {
    if (work.ids === 'all') await sendAll(work)
    else await sendEach(work, work.ids)
    return { kind: 'done' }
  }

  async function sendEach(work: Fetch, ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const entry = (await boxes.find(work.user, id)) as KeptEntry | undefined
      if (entry && !(await send(work, entry))) return
    }
  }

  async function sendAll(work: Fetch): Promise<void> {
    for (const folder of ['deferred', 'stored'] as const) {
      for (;;) {
        const [entry] = (await boxes.first(work.user, folder, 1)) as readonly KeptEntry[]
        if (!entry) break
        if (!(await send(work, entry))) return
      }
    }
  }

  /** False when the device did not take it. */
  async function send({ user, device, part }: Fetch, { id, content }: KeptEntry): Promise<boolean> {
    const message = wanted(content.deferred.message, part)
    if (!message) return true
    const delivery = deferredDelivery({ ...content.deferred, message })
    const outcome = await toDevices({ ...delivery, ...(device === undefined ? {} : { device }) }, [])
    if (outcome.kind !== 'delivered') return false
    if (part !== undefined) return true
    await boxes.remove(user, [id])
    recorder.event('delivered', content.deferred, outcome.said)
    return true
  }
}

/** A part is no delivery: it asks for no notification. */
function wanted(message: CpmMessage, part: number | undefined): CpmMessage | undefined {
  if (part === undefined) return message
  const content = partOf(message.content, part)
  return content && { ...message, content, dispositions: [] }
}
