import type { Component } from '../stream/component.js'
import { tag } from '../stream/element.js'

/** Somebody of XMPP and somebody of CPM, with the component between them. */
export interface Pair {
  readonly component: Component
  /** Bare JIDs. */
  readonly theirs: string
  readonly ours: string
}

/** A presence stanza from ours to theirs; `resource` with its slash. */
export const writePresence = ({ theirs, ours }: Pair, type: string | undefined, resource = '', content = ''): string =>
  tag('presence', { type, from: `${ours}${resource}`, to: theirs }, content)
