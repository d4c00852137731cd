import { InvalidArgumentError } from 'commander'
import { duration } from '../config/units.js'

/** A duration on the command line, ms. Throws InvalidArgumentError. */
export function readDuration(text: string): number {
  const read = duration().safeParse(text)
  if (!read.success) throw new InvalidArgumentError('expected a duration such as 10s')
  return read.data
}
