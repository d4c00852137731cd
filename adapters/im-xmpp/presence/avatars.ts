import { hash } from 'node:crypto'
import type { Clock } from '../../../gateway/cpm/clock.js'
import type { XmlElement } from '../../../gateway/cpm/xml.js'
import type { ContentLinks } from '../../contract/index.js'
import { createFloodGuard } from '../flood.js'
import type { Component } from '../stream/component.js'
import { child, childText, tag } from '../stream/element.js'
import { NS } from '../stream/names.js'

/** Avatars of XMPP users (XEP-0153) as links, which is what presence of CPM has for them. */
export interface Avatars {
  /** The link to somebody's avatar; undefined when he has none or it is not known yet. */
  link(theirs: string): string | undefined
  /** Looks after what a presence says of the avatar; true when the link is another one now. */
  saw(
    pair: { readonly component: Component; readonly theirs: string; readonly ours: string },
    presence: XmlElement,
  ): Promise<boolean>
}

interface Known {
  readonly digest: string
  readonly at: number
  readonly link?: string
}

const USERS = 10_000
/** The provider keeps a content for a time; it is put there again before that, ms. */
const ASK_AGAIN_MS = 86_400_000
/** How often somebody may change it. */
const CHANGES = { rate: 1 / 600, burst: 3 }
const OCTETS = 131_072
const KINDS: readonly (readonly [string, RegExp])[] = [
  ['image/png', /^\x89PNG\r\n/],
  ['image/jpeg', /^\xff\xd8\xff/],
  ['image/gif', /^GIF8/],
  ['image/webp', /^RIFF[\s\S]{4}WEBP/],
]

export function createAvatars(links: ContentLinks, clock: Clock): Avatars {
  const known = new Map<string, Known>()
  const changes = createFloodGuard(CHANGES, clock)

  function know(theirs: string, what: Known): void {
    known.delete(theirs)
    known.set(theirs, what)
    const [oldest] = known.keys()
    if (known.size > USERS && oldest !== undefined) known.delete(oldest)
  }

  return {
    link: (theirs) => known.get(theirs)?.link,
    async saw({ component, theirs, ours }, presence) {
      const update = child(presence, 'x', NS.vcardUpdate)
      const digest = update && childText(update, 'photo', NS.vcardUpdate)?.trim().toLowerCase()
      // Without that the client has nothing to say of it (yet).
      if (digest === undefined || !/^(?:[0-9a-f]{40})?$/.test(digest)) return false
      const [before, now] = [known.get(theirs), clock.now()]
      if (before?.digest === digest && now - before.at < ASK_AGAIN_MS) return false
      if (digest === '') {
        know(theirs, { digest, at: now })
        return before?.link !== undefined
      }
      if (!changes.admits(theirs)) return false
      const answer = await component.ask(theirs, ours, 'get', tag('vCard', { xmlns: NS.vcard }))
      const picture = answer && pictureIn(answer, digest, Math.min(OCTETS, links.maxBytes))
      const link = picture && (await links.keep(`avatar ${digest}`, picture))
      know(theirs, { digest, at: now, ...(link === undefined ? {} : { link }) })
      return before?.link !== link
    },
  }
}

/** The picture of a card, if it is the one that was spoken of; what kind it is, it tells itself. */
function pictureIn(answer: XmlElement, digest: string, most: number) {
  const card = child(answer, 'vCard', NS.vcard)
  const photo = card && child(card, 'PHOTO', NS.vcard)
  const octets = Buffer.from((photo && childText(photo, 'BINVAL', NS.vcard)) ?? '', 'base64')
  const [type] = KINDS.find(([, start]) => start.test(octets.toString('latin1', 0, 16))) ?? []
  if (type === undefined || octets.length > most || hash('sha1', octets) !== digest) return undefined
  return { type, octets }
}
