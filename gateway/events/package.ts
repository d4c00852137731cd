import type { Uri } from '../cpm/ids.js'
import type { Originator } from '../sip/port.js'

/** Who wants to subscribe to what. */
export interface SubscriptionRequest {
  readonly resource: Uri
  /** Absent when a trusted peer asserts nobody. */
  readonly subscriber?: Originator
  /** A trusted peer asks, and not a device. */
  readonly byCore: boolean
}

/** What the authority of a package says; `resource` is the one name under which its state is kept. */
export type Authorisation =
  | { readonly kind: 'granted'; readonly resource: Uri }
  | { readonly kind: 'refused'; readonly status: number; readonly warning: string }

/**
 * An event package as its notifier (RFC 6665 §7.2). `Change` is plain JSON. Not here on purpose: dialogs, timers, versions
 * and retries, which the framework does for all packages.
 */
export interface EventPackage<Change> {
  /** As in the Event header, in lower case. */
  readonly name: string
  readonly contentType: string
  /** Bounds of a subscription's life, and what one that says nothing gets, seconds. */
  readonly expires: { readonly min: number; readonly standard: number; readonly max: number }
  /** Shortest time between two notifications of changes to one subscriber, ms; the changes in between travel together. */
  readonly minIntervalMs: number
  /** Rejects with SpoolUnavailable. */
  authorise(request: SubscriptionRequest): Promise<Authorisation>
  /** The document with the whole state of a resource. `version` begins with 0 and grows by 1. Rejects with SpoolUnavailable. */
  full(resource: Uri, version: number): Promise<string>
  /** The document with these changes, in their order; absent when the package has no partial state. */
  partial?(resource: Uri, changes: readonly Change[], version: number): Promise<string>
}

/** A body of a NOTIFY that was received. */
export interface Notification {
  readonly resource: Uri
  /** Names the subscription it belongs to; versions of documents count within it. */
  readonly subscription: string
  readonly body: string
}

/**
 * What the owner of a subscription does with a notification. incomplete: something before it was missed, so the whole state is
 * asked for. faulty: the document cannot be read.
 */
export type NotificationVerdict =
  | { readonly kind: 'taken' | 'incomplete' }
  | { readonly kind: 'faulty'; readonly said: string }

/** An event package as its subscriber. */
export interface SubscribedPackage {
  readonly name: string
  /** Type of the bodies it reads. */
  readonly contentType: string
  /** Life asked for, seconds. */
  readonly expiresSeconds: number
  notified(notification: Notification): Promise<NotificationVerdict>
  /** The state of the resource is no longer told. */
  ended(resource: Uri): Promise<void>
}
