import type { Uri } from '../../cpm/ids.js'
import type { BoxEntry } from '../../spool/boxes.js'
import type { LaneName } from '../../spool/spool.js'
import type { DeferredMessage } from '../port.js'

/** The lane of what is done for users with waiting messages, and what its items hold. Plain JSON. */
export const DEFERRED_LANE: LaneName = 'deferred'

export type DeferredWork =
  /** Push what waits, or announce it, by the user's preference. */
  | { readonly kind: 'waiting'; readonly user: Uri }
  /** The summary, to the device that asked. */
  | { readonly kind: 'list'; readonly user: Uri; readonly device?: string }
  | {
      readonly kind: 'fetch'
      readonly user: Uri
      /** The device that asked. */
      readonly device?: string
      readonly ids: readonly string[] | 'all'
      /** From 1: one of several parts of the body; absent: the whole message, which then leaves the store. */
      readonly part?: number
    }

/** What lies in a box. */
export interface Kept {
  readonly deferred: DeferredMessage
  /** Its life has been extended once (`CPM-DEF-003`). */
  readonly extended?: true
}

export type KeptEntry = BoxEntry<Kept>
