import type { Content } from '../../cpm/message.js'
import { partOctets } from '../../cpm/mime.js'
import { leavesOf, parseMimeTree } from '../../cpm/multipart.js'

/** One of several parts of a content, counted from 1 (`CPM-CONV-009`); undefined when it has no such part. */
export function partOf(content: Content, number: number): Content | undefined {
  const body = 'text' in content ? content.text : Buffer.from(content.base64, 'base64').toString('utf8')
  const tree = parseMimeTree({ headers: new Map([['content-type', content.type]]), body })
  if (tree.kind === 'fault') return undefined
  const leaf = leavesOf(tree)[number - 1]
  if (!leaf) return undefined
  const type = leaf.part.headers.get('content-type') ?? 'text/plain'
  const octets = partOctets(leaf.part)
  if (!Buffer.isBuffer(octets)) return undefined
  return leaf.type.startsWith('text/')
    ? { type, text: octets.toString('utf8') }
    : { type, base64: octets.toString('base64') }
}
