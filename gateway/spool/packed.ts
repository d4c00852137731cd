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
local packed = cjson.decode(texts[1])
local ARGV, leaving = packed.a, packed.l
`

/**
 * Arguments of a script for many operations: all short ones in one JSON list, because both ends take longer over an
 * argument than over what is in it, then the texts. Each operation begins with its name and how many of both it has.
 */
export function packed(operations: readonly Operation[]): string[] {
  const args: Argument[] = []
  const texts: string[] = []
  const leaving: Record<string, string[]> = {}
  for (const operation of operations) {
    args.push(operation.name, operation.args.length, operation.texts.length)
    // A number would be one twice: for Lua, and as text again for Redis.
    for (const argument of operation.args) args.push(String(argument))
    for (const text of operation.texts) texts.push(text)
    if (!operation.leaves) continue
    const { lane, entry } = operation.leaves
    const entries = leaving[lane]
    if (entries) entries.push(entry)
    else leaving[lane] = [entry]
  }
  return [wellFormed({ a: args, l: leaving }), ...texts]
}

/** Half a surrogate pair, at which the script would stop and with it the work of others, becomes U+FFFD, as anywhere else in UTF-8. */
function wellFormed(value: unknown): string {
  const json = JSON.stringify(value)
  return json.includes('\\ud') ? JSON.stringify(value, replaceHalves) : json
}

const replaceHalves = (_key: string, value: unknown): unknown =>
  typeof value === 'string' ? Buffer.from(value).toString() : value
