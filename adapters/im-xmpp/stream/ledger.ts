import type { XmlElement } from '../../../gateway/cpm/xml.js'

/** What became of a stanza that was handed to the server. */
export type Taken =
  /** The server has answered a ping that was sent after it: it has the stanza. */
  | { readonly kind: 'taken' }
  /** Its addressee, or the server for him, returned it as an error before that. */
  | { readonly kind: 'returned'; readonly error: XmlElement }
  /** Written, and nobody knows. */
  | { readonly kind: 'lost'; readonly why: 'timeout' | 'closed'; readonly said: string }
  /** Not written. */
  | { readonly kind: 'unsent'; readonly said: string }
  | { readonly kind: 'expired' }

export interface Entry {
  readonly id: string
  /** Bare JID it was sent to: only from there an error about it is believed. */
  readonly to: string
  readonly settle: (taken: Taken) => void
  /** The truth after it was called lost for want of an answer. */
  readonly late?: ((taken: Taken) => void) | undefined
}

interface Batch {
  readonly pingId: string
  readonly sentAt: number
  readonly entries: readonly Entry[]
}

/**
 * Stanzas on one connection that the server has not been seen to have taken. A component has no acknowledgements; but a
 * server handles stanzas in order (RFC 6120 §10.1), so that its answer to a ping proves all that was written before.
 */
export interface Ledger {
  /** Unproven stanzas that somebody waits for. */
  size(): number
  /** A stanza has been written. */
  add(entry: Entry): void
  /** Stanzas that wait for a ping to be sent after them. */
  unpinged(): number
  /** A ping has been written: it proves what came before. */
  pinged(pingId: string, now: number): void
  /** Pings under way. */
  pings(): number
  /** An answer to a ping; false when it is none of ours. */
  answered(pingId: string): boolean
  /** An error about a stanza; false when nobody waits for it. */
  returned(id: string, from: string, error: XmlElement): boolean
  /** What was pinged at or before `moment` is lost for now. */
  expire(moment: number): void
  /** The connection is gone. */
  drain(said: string): void
}

export function createLedger(): Ledger {
  /** One id may be under way to several devices, or to several members of a group. */
  const waiting = new Set<Entry>()
  /** Called lost for want of an answer, on a connection that still stands. */
  const doubtful = new Set<Entry>()
  let batches: Batch[] = []
  let unpinged: Entry[] = []

  function settle(entry: Entry, taken: Taken): void {
    if (waiting.delete(entry)) entry.settle(taken)
    else if (doubtful.delete(entry)) entry.late?.(taken)
  }
  const about = (id: string, from: string) => (entry: Entry) => entry.id === id && entry.to === from

  return {
    size: () => waiting.size,
    add(entry) {
      waiting.add(entry)
      unpinged.push(entry)
    },
    unpinged: () => unpinged.length,
    pinged(pingId, now) {
      batches.push({ pingId, sentAt: now, entries: unpinged })
      unpinged = []
    },
    pings: () => batches.length,
    answered(pingId) {
      const place = batches.findIndex((batch) => batch.pingId === pingId)
      if (place < 0) return false
      const proven = batches.slice(0, place + 1)
      batches = batches.slice(place + 1)
      for (const entry of proven.flatMap(({ entries }) => entries)) settle(entry, { kind: 'taken' })
      return true
    },
    returned(id, from, error) {
      const entry = [...waiting].find(about(id, from)) ?? [...doubtful].find(about(id, from))
      if (entry === undefined) return false
      settle(entry, { kind: 'returned', error })
      return true
    },
    expire(moment) {
      for (const { sentAt, entries } of batches) {
        if (sentAt > moment) return
        for (const entry of entries) {
          if (!waiting.delete(entry)) continue
          doubtful.add(entry)
          entry.settle({ kind: 'lost', why: 'timeout', said: 'no answer of the server in time' })
        }
      }
    },
    drain(said) {
      const left = [...waiting]
      waiting.clear()
      doubtful.clear()
      batches = []
      unpinged = []
      for (const entry of left) entry.settle({ kind: 'lost', why: 'closed', said })
    },
  }
}
