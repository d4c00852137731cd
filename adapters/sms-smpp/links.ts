import type { CpmMessage } from '../../gateway/cpm/message.js'
import type { ContentLinks, OutboundMessage } from '../contract/index.js'
import { type LinkTo, type Media, piecesOf, smsText, type TextRules } from './mapping/text.js'

/** What a message is sent as: itself, or, by policy, a text with links to what SMS cannot carry. */
export interface Linking {
  /** An address as long as a real one, for what there would be one for. */
  readonly wouldLink: LinkTo
  /** Undefined when the message goes as it is. Resolves with why it cannot go otherwise. Rejects when the store is out of reach. */
  linked(message: OutboundMessage): Promise<OutboundMessage | 'full'> | undefined
}

export function createLinking(rules: TextRules, links: ContentLinks | undefined): Linking {
  const mediaOf = (content: CpmMessage['content']): readonly Media[] =>
    rules.unsupportedContent === 'link' && !/^\s*text\/plain\b/i.test(content.type)
      ? (piecesOf(content) ?? []).filter((piece) => typeof piece !== 'string')
      : []

  async function keepAll(store: ContentLinks, message: OutboundMessage, media: readonly Media[]) {
    const addresses: string[] = []
    for (const [index, one] of media.entries()) {
      const address = await store.keep(`${message.messageId}/${index}`, one)
      if (address === undefined) return 'full'
      addresses.push(address)
    }
    const text = smsText({ content: message.content }, rules, () => addresses.shift())
    return text === undefined ? 'full' : { ...message, content: { type: 'text/plain', text } }
  }

  return {
    wouldLink: ({ octets }) => (links && octets.length <= links.maxBytes ? 'x'.repeat(links.length) : undefined),
    linked(message) {
      if (!links) return undefined
      const media = mediaOf(message.content)
      return media.length === 0 ? undefined : keepAll(links, message, media)
    },
  }
}
