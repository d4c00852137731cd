const MAX_LENGTH = 200
const MAX_UNBOUNDED = 3

/**
 * Why a regular expression of the configuration cannot be used, or undefined when it can. Those that could take
 * exponential or high polynomial time over a hostile address are refused: a repeated group that itself repeats or
 * chooses, back references, many unbounded repetitions.
 */
export function patternProblem(source: string): string | undefined {
  if (source.length > MAX_LENGTH) return `expected a regular expression of at most ${MAX_LENGTH} characters`
  try {
    new RegExp(source, 'u')
  } catch (error) {
    return `expected a regular expression (${error instanceof Error ? error.message : String(error)})`
  }
  const shape = readShape(source)
  if (shape.backReference) return 'expected a regular expression without back references'
  if (shape.nested)
    return 'expected no repetition of a group that itself repeats or has alternatives; it can take for ever'
  if (shape.unbounded > MAX_UNBOUNDED) return `expected at most ${MAX_UNBOUNDED} unbounded repetitions (* + {n,})`
  return undefined
}

/** Groups that a replacement may name as $1 …. */
export const groupsOf = (source: string): number => new RegExp(`${source}|`, 'u').exec('')?.length ?? 1

interface Shape {
  readonly unbounded: number
  readonly nested: boolean
  readonly backReference: boolean
}

/** One pass over a valid expression. A group is risky when something in it repeats or when it has alternatives. */
function readShape(source: string): Shape {
  let unbounded = 0
  let nested = false
  let backReference = false
  const open: { risky: boolean }[] = [{ risky: false }]
  let closed: { risky: boolean } | undefined
  for (let at = 0; at < source.length; at++) {
    const rest = source.slice(at)
    const here = open.at(-1) ?? { risky: false }
    const repetition = /^(?:[*+]|\{\d+,\}|\{\d*,?\d+\}|\?)/.exec(rest)?.[0]
    if (repetition && !(repetition === '?' && source[at - 1] === '(')) {
      const endless = /^(?:[*+]|\{\d+,\})/.test(repetition)
      const many = endless || /\{/.test(repetition)
      if (endless) unbounded++
      if (many && closed?.risky) nested = true
      if (many) here.risky = true
      at += repetition.length - 1
      closed = undefined
      continue
    }
    closed = undefined
    if (rest.startsWith('\\')) {
      if (/^\\(?:[1-9]|k<)/.test(rest)) backReference = true
      at++
    } else if (rest.startsWith('[')) at += (/^\[(?:\\.|[^\]\\])*\]/s.exec(rest)?.[0].length ?? 1) - 1
    else if (rest.startsWith('(')) open.push({ risky: false })
    else if (rest.startsWith(')')) {
      closed = open.pop()
      const outer = open.at(-1)
      if (outer && closed?.risky) outer.risky = true
    } else if (rest.startsWith('|')) here.risky = true
  }
  return { unbounded, nested, backReference }
}
