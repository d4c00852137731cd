import type { FailureReason } from '../../cpm/failure.js'
import type { Uri } from '../../cpm/ids.js'
import type { CpmMessage } from '../../cpm/message.js'
import type { CpmRequest, SipAnswer } from '../../sip/port.js'
import type { Boxes } from '../../spool/boxes.js'
import type { DeferredMessage } from '../port.js'
import type { DeferredRecorder } from './recorder.js'
import { type DeferredRequest, parseDeferredRequest } from './request.js'
import type { DeferredWork, KeptEntry } from './work.js'

export interface RequestsOptions {
  readonly boxes: Boxes
  readonly recorder: DeferredRecorder
  readonly submit: (work: DeferredWork) => Promise<void>
  readonly undelivered: (deferred: DeferredMessage, reason: FailureReason) => Promise<void>
}

const NONE: SipAnswer = { status: 404, warning: 'no such message is waiting' }
/** Entries read at once. */
const SOME = 200

/** What users ask of their waiting messages: list, fetch, delete (`DEF-03`, `DEF-04`). Everybody reaches his own only. */
export function createRequests({ boxes, recorder, submit, undelivered }: RequestsOptions) {
  return async function handle({ originator }: CpmRequest, { content }: CpmMessage): Promise<SipAnswer> {
    const { uri: user, device } = originator
    const asked = 'text' in content ? parseDeferredRequest(content.text) : 'expected a text'
    if (typeof asked === 'string') return { status: 400, warning: asked }
    const from = { user, ...(device === undefined ? {} : { device }) }
    switch (asked.kind) {
      case 'list':
        await submit({ kind: 'list', ...from })
        return { status: 202 }
      case 'fetch':
        return fetch(asked, from)
      case 'delete':
        return asked.ids === 'all' ? deleteAll(user) : deleteSome(user, asked.ids)
    }
  }

  async function fetch(
    { ids, part }: DeferredRequest & { readonly kind: 'fetch' },
    from: { readonly user: Uri; readonly device?: string },
  ): Promise<SipAnswer> {
    const found = ids === 'all' ? ids : (await find(from.user, ids)).map(({ id }) => id)
    if (found.length === 0) return NONE
    await submit({ kind: 'fetch', ...from, ids: found, ...(part === undefined ? {} : { part }) })
    return { status: 202 }
  }

  async function find(user: Uri, ids: readonly string[]): Promise<readonly KeptEntry[]> {
    const entries = await Promise.all(ids.map((id) => boxes.find(user, id) as Promise<KeptEntry | undefined>))
    return entries.filter((entry) => entry !== undefined)
  }

  async function deleteSome(user: Uri, ids: readonly string[]): Promise<SipAnswer> {
    const found = await find(user, ids)
    for (const entry of found) await remove(user, entry)
    return found.length === 0 ? NONE : { status: 200 }
  }

  async function deleteAll(user: Uri): Promise<SipAnswer> {
    for (const folder of ['deferred', 'stored'] as const) {
      for (;;) {
        const entries = (await boxes.first(user, folder, SOME)) as readonly KeptEntry[]
        if (entries.length === 0) break
        for (const entry of entries) await remove(user, entry)
      }
    }
    return { status: 200 }
  }

  /** The sender of a message that was deleted unread hears that it has failed, if he asked. */
  async function remove(user: Uri, { id, content }: KeptEntry): Promise<void> {
    await undelivered(content.deferred, 'deleted')
    if ((await boxes.remove(user, [id])) > 0) recorder.event('deleted', content.deferred)
  }
}
