import { randomUUID } from 'node:crypto'
import type { Clock } from '../../../gateway/cpm/clock.js'
import type { Component } from './component.js'

/** Time in which the server must have taken what is written, ms. */
const WITHIN_MS = 30_000
const NEVER = new AbortController().signal

/** Writes stanzas after all that waits to be written, when there is room for them; whether the server is known to have them. */
export async function tellInOrder(component: Component, stanzas: string, clock: Clock): Promise<boolean> {
  const expiresAt = clock.now() + WITHIN_MS
  const taken = await component.deliver({ id: randomUUID(), to: '', stanza: stanzas, expiresAt, giveUp: NEVER })
  return taken.kind === 'taken'
}
