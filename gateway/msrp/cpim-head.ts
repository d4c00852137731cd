import { CPIM_LIMITS, type Cpim, type CpimFault, parseCpim } from '../cpm/cpim.js'
import type { OctetPipe } from './octet-pipe.js'

/**
 * Reads the head of a message/cpim, its content's headers included, and leaves all octets in the pipe: who reads on gets
 * the message as it came (RFC 7701 §6 wants it unchanged). The content of the result is empty. Throws PipeBroken
 * when the writer gives up.
 */
export async function peekCpim(pipe: OctetPipe): Promise<Cpim | CpimFault> {
  let seen = Buffer.alloc(0)
  for (;;) {
    const more = pipe.take(CPIM_LIMITS.headBytes)
    if (more) seen = Buffer.concat([seen, more])
    const end = endOfHeads(seen.toString('latin1'))
    if (end >= 0 || pipe.ended || seen.length > CPIM_LIMITS.headBytes) {
      pipe.giveBack(seen)
      if (end < 0 && !pipe.ended) return { kind: 'fault', fault: 'too-large', said: 'head of a message/cpim' }
      return parseCpim(seen.toString('utf8', 0, end < 0 ? seen.length : end))
    }
    if (pipe.failure) throw pipe.failure
    if (!more) await new Promise<void>((resolve) => pipe.whenReady(resolve))
  }
}

/** Where the content begins: behind the empty line after the message headers, and the one after the content's. -1: not yet. */
function endOfHeads(text: string): number {
  const emptyLine = /(?:^|\n)\r?\n/g
  if (emptyLine.exec(text) === null) return -1
  // An empty line right behind the first one ends the content's headers, although there are none.
  const rest = text.slice(emptyLine.lastIndex)
  const second = /(?:^|\n)\r?\n/.exec(rest)
  return second === null ? -1 : emptyLine.lastIndex + second.index + second[0].length
}
