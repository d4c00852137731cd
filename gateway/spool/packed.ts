import type { Argument } from './batch.js'

/** Begins a script whose arguments came packed: ARGV is what it was before. */
export const UNPACK = 'local ARGV = cjson.decode(ARGV[1])'

/**
 * Many arguments as one, a JSON list: both ends take longer over an argument than over what is in it. Half a surrogate pair,
 * at which the script would stop and with it the work of others, becomes U+FFFD, as anywhere else in UTF-8.
 */
export function packed(args: readonly Argument[]): string {
  const json = JSON.stringify(args)
  return json.includes('\\ud') ? JSON.stringify(args.map(wellFormed)) : json
}

const wellFormed = (argument: Argument): Argument =>
  typeof argument === 'string' ? Buffer.from(argument).toString() : argument
