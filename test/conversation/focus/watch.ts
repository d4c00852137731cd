import { randomUUID } from 'node:crypto'
import { onTestFinished } from 'vitest'
import { type Element, openElement } from '../../events/element.js'
import type { Wire } from '../../sip/raw-client.js'
import { credentials } from '../../sip/support.js'
import { type RosterText, readRoster } from './roster-text.js'
import { type FocusStage, type Name, uri } from './stage.js'

/** A subscription to participant information, by a device that has to prove who its user is. */
export interface Watch {
  readonly answer: Wire
  readonly element: Element
  /** The next notification, as it came and as it reads. */
  next(): Promise<RosterText & { readonly notify: Wire }>
  /** The next one in which the users are so; those named only. */
  until(users: Readonly<Record<string, string>>): Promise<RosterText>
}

export async function watch(
  stage: Pick<FocusStage, 'server'>,
  name: Name,
  target: string,
  expires = 600,
): Promise<Watch> {
  const element = await openElement(`udp:${stage.server.host}:${stage.server.port}`)
  onTestFinished(() => element.close())
  const dialog = { From: `<${uri(name)}>;tag=${randomUUID().slice(0, 8)}`, To: `<${target}>`, 'Call-ID': randomUUID() }
  const ask = (sequence: number, more: Readonly<Record<string, string>> = {}): Promise<Wire> =>
    element.ask(`SUBSCRIBE ${target} SIP/2.0`, {
      ...dialog,
      CSeq: `${sequence} SUBSCRIBE`,
      Contact: `<${element.contact}>`,
      Event: 'conference',
      Accept: 'application/conference-info+xml',
      Expires: String(expires),
      ...more,
    })
  const proof = { method: 'SUBSCRIBE', uri: target, user: name, password: `${name}-secret` }
  const first = await ask(1)
  const answer =
    first.status === 407 ? await ask(2, { 'Proxy-Authorization': credentials(first, proof, 'MD5') }) : first
  async function next() {
    const notify = await element.take()
    return { ...readRoster(notify.body), notify }
  }
  return {
    answer,
    element,
    next,
    async until(users) {
      for (;;) {
        const read = await next()
        if (Object.entries(users).every(([entity, said]) => read.users[entity] === said)) return read
      }
    },
  }
}
