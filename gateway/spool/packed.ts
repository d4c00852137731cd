import { Packr } from 'msgpackr'
import type { Argument, Operation } from './operation.js'

/**
 * Begins a script whose arguments came packed: ARGV is the list of short ones, `text()` gives the next long one, and
 * `leaving` has the stream entries of all verdicts by lane.
 */
export const UNPACK = `
local texts = ARGV
local textsRead = 1
local function text()
  textsRead = textsRead + 1
  return texts[textsRead]
end
local packed = cmsgpack.unpack(texts[1])
local ARGV, leaving = packed[1], packed[2]
`

const packr = new Packr({ useRecords: false })

/**
 * Arguments of a script for many operations: all short ones in one list of MessagePack, because both ends take longer over
 * an argument than over what is in it, then the texts, because Lua hashes each octet of what it is handed. Each operation
 * begins with its name and how many of both it has.
 */
export function packed(operations: readonly Operation[]): (Buffer | string)[] {
  const args: Argument[] = []
  const texts: string[] = []
  const leaving: Record<string, string[]> = {}
  for (const operation of operations) {
    args.push(operation.name, operation.args.length, operation.texts.length)
    // A number would be one twice: for Lua, and as text again for Redis. Half a surrogate pair becomes U+FFFD, as in any UTF-8.
    for (const argument of operation.args) args.push(String(argument).toWellFormed())
    for (const text of operation.texts) texts.push(text)
    if (!operation.leaves) continue
    const { lane, entry } = operation.leaves
    const entries = leaving[lane]
    if (entries) entries.push(entry)
    else leaving[lane] = [entry]
  }
  return [packr.pack([args, leaving]), ...texts]
}
