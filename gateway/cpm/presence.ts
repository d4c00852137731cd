import type { Uri } from './ids.js'

/** What one device says of its user (RFC 3863 §4.1), free of its wire form; plain JSON. Absent: nothing is known. */
export interface PresenceTuple {
  /** Names the device among those of the presentity; an XML id. */
  readonly id: string
  /** Absent: nothing said about whether messages reach him there. */
  readonly open?: boolean
  /** 0 to 1, in thousandths at most (RFC 3863 §4.1.4). */
  readonly priority?: number
  readonly contact?: Uri
  readonly note?: PresenceNote
  /** ms since 1970. */
  readonly at?: number
}

export interface PresenceNote {
  readonly text: string
  /** xml:lang. */
  readonly language?: string
}

/** What is said of the person and not of a device (RFC 4479 §3, RFC 4480). */
export interface PresencePerson {
  /** Names of RPID activities, e.g. `meeting`. */
  readonly activities: readonly string[]
  readonly moods: readonly string[]
  readonly note?: PresenceNote
  /** http or https address of a picture of him (RFC 4480 §3.9). */
  readonly icon?: string
  /** Present when he has not touched his device; since when, if that is known, ms since 1970. */
  readonly idle?: { readonly since?: number }
}

export interface PresenceState {
  readonly tuples: readonly PresenceTuple[]
  readonly person?: PresencePerson
}

/** Activities of RPID (RFC 4480 §3.2); others are dropped. */
export const ACTIVITIES: ReadonlySet<string> = new Set(
  (
    'appointment away breakfast busy dinner holiday in-transit looking-for-work meal meeting on-the-phone other performance ' +
    'permanent-absence playing presentation shopping sleeping spectator steering travel tv unknown vacation working worship'
  ).split(' '),
)

/** Nobody is there, or nobody shall know (RFC 5025 §3.2.1, polite blocking). */
export const CLOSED: PresenceState = { tuples: [{ id: 'closed', open: false }] }
