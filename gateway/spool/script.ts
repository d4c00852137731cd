import { createHash } from 'node:crypto'
import type { RedisClient } from './redis.js'

/**
 * A Lua script. It runs as one step and gets one key, the prefix: it names the slot, and every key that the script
 * touches begins with it.
 */
export interface Script {
  readonly text: string
  readonly sha: string
}

/** Tag of the template strings that hold scripts. */
export function lua(parts: TemplateStringsArray, ...included: readonly string[]): Script {
  const text = String.raw({ raw: parts.raw }, ...included)
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/** Runs a script, sending its text only when the server does not have it yet. */
export async function run(
  client: RedisClient,
  script: Script,
  prefix: string,
  args: readonly (string | number | Buffer)[],
): Promise<unknown> {
  try {
    return await client.evalsha(script.sha, 1, prefix, ...args)
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
    return client.eval(script.text, 1, prefix, ...args)
  }
}
