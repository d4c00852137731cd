import type { Uri } from '../cpm/ids.js'
import type { Originator, SipAnswer } from '../sip/port.js'
import type { EndReason } from './event-headers.js'

/** Who wants to subscribe to what. */
export interface SubscriptionRequest {
  readonly resource: Uri
  /** Absent when a trusted peer asserts nobody. */
  readonly subscriber?: Originator
  /** A trusted peer asks, and not a device. */
  readonly byCore: boolean
  /** Option tags of its Supported header, in lower case. */
  readonly supports: readonly string[]
  /** Its Accept header. */
  readonly accept?: string
}

/**
 * What the authority of a package says; `resource` is the one name under which its state is kept. `pending`: the resource's
 * owner has not decided yet. `form`: which of the package's documents he gets, kept with the subscription. `headers` are those of
 * the answer. elsewhere: another node has the resource.
 */
export type Authorisation =
  | {
      readonly kind: 'granted'
      readonly resource: Uri
      readonly pending?: boolean
      readonly form?: string
      readonly headers?: Readonly<Record<string, string>>
    }
  | {
      readonly kind: 'refused'
      readonly status: number
      readonly warning: string
      readonly headers?: Readonly<Record<string, string>>
    }
  | { readonly kind: 'elsewhere'; readonly answer: SipAnswer }

/** Where a subscription stands after its authorisation was looked at anew. */
export type Standing = 'active' | 'pending' | { readonly ended: EndReason }

/** What happened to a subscription last (RFC 3857 §4.7.1). */
export type WatcherEvent = 'subscribe' | 'approved' | EndReason

/** A subscription as the owner of the resource may know it (RFC 3857 §4.2). */
export interface Watcher {
  readonly id: string
  /** Absent when a trusted peer named nobody. */
  readonly uri?: Uri
  /** waiting: it ended before anybody decided. */
  readonly status: 'pending' | 'active' | 'waiting' | 'terminated'
  readonly event: WatcherEvent
  readonly begunAt: number
  readonly expiresAt?: number
}

/** The body of a NOTIFY; a text alone is of the package's own type. */
export type PackageBody =
  | string
  | {
      readonly contentType: string
      readonly headers?: Readonly<Record<string, string>>
      readonly text: string
      /** What it says, apart from how and in which version: what says the same is not told again. Default: the text. */
      readonly meaning?: string
      /** Given back for the next document, once this one is taken; plain JSON. */
      readonly kept?: unknown
    }

/** Whom a document is for. */
export interface Recipient {
  readonly subscriber?: Uri
  /** As his authorisation said. */
  readonly form?: string
  /** As the document that he took last said. */
  readonly kept?: unknown
}

/**
 * An event package as its notifier (RFC 6665 §7.2). `Change` is plain JSON. Not here on purpose: dialogs, timers, versions
 * and retries, which the framework does for all packages.
 */
export interface EventPackage<Change> {
  /** As in the Event header, in lower case. */
  readonly name: string
  readonly contentType: string
  /** Other types of its documents, for those who take no other. */
  readonly otherTypes?: readonly string[]
  /** Bounds of a subscription's life, and what one that says nothing gets, seconds. */
  readonly expires: { readonly min: number; readonly standard: number; readonly max: number }
  /** Shortest time between two notifications of changes to one subscriber, ms; the changes in between travel together. */
  readonly minIntervalMs: number
  /** Subscriptions to one resource at most; default 100. */
  readonly maxSubscriptions?: number
  /** Of one subscriber among them; default all. */
  readonly maxEach?: number
  /** SUBSCRIBEs of one subscriber in a minute at most, to any resource; default any number. */
  readonly perMinute?: number
  /** Rejects with SpoolUnavailable. */
  authorise(request: SubscriptionRequest): Promise<Authorisation>
  /**
   * The document with the whole state of a resource, as this subscriber may see it. `version` begins with 0 and grows by 1.
   * Not asked for while the subscription is pending. Rejects with SpoolUnavailable.
   */
  full(resource: Uri, version: number, recipient: Recipient): Promise<PackageBody>
  /** The document with these changes, in their order; absent when the package has no partial state. */
  partial?(resource: Uri, changes: readonly Change[], version: number, recipient: Recipient): Promise<PackageBody>
  /** Whether its state is known to another node alone, which then notifies; absent where each node knows all. Rejects with SpoolUnavailable. */
  isElsewhere?(resource: Uri): Promise<boolean>
  /** Told when what `authorise` has granted comes to nothing: there are too many subscriptions. */
  unused?(resource: Uri, subscriber: Uri | undefined): Promise<void>
  /** Told when a subscription has begun, has been approved or has ended. */
  watched?(resource: Uri, watcher: Watcher): Promise<void>
}

/** A body of a NOTIFY that was received. */
export interface Notification {
  readonly resource: Uri
  /** Who we subscribed as. */
  readonly identity: string
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
  /** Each identity has a subscription of its own to a resource; otherwise one is enough. */
  readonly eachIdentity?: true
  /** Where its SUBSCRIBEs go, a SIP URI, when that is not the core. */
  readonly server?: string
  notified(notification: Notification): Promise<NotificationVerdict>
  /** Told by a notification without a document: the resource's owner has not decided yet, or there is nothing to tell. */
  standing?(resource: Uri, identity: string, state: 'pending' | 'active'): Promise<void>
  /** The state of the resource is no longer told; `refused`: for good. */
  ended(resource: Uri, identity: string, refused: boolean): Promise<void>
}
