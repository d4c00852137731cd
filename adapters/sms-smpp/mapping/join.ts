import { type DecodedText, type DecodeOptions, decodeText } from '../wire/alphabet.js'
import type { Assembled } from './reassembly.js'

type Parts = Assembled<unknown>['parts']

/** Stands where parts are missing. */
const GAP = '[…] '

/**
 * Reads an assembled message. Neighbours in the same alphabet are joined before they are decoded, since a sender may
 * have cut a character in two. Anything not text among the parts makes it binary.
 */
export function joinParts(parts: Parts, options: Pick<DecodeOptions, 'defaultAlphabet'>): DecodedText {
  const runs = toRuns(parts)
  const decoded = runs.map((run) => {
    const { dataCoding, languages } = run[0] as Parts[number]
    return decodeText(Buffer.concat(run.map(({ octets }) => octets)), dataCoding, { ...options, languages })
  })
  const compressed = decoded.find(({ kind }) => kind === 'compressed')
  if (compressed) return compressed
  const texts = decoded.filter((run) => run.kind === 'text')
  const first = decoded.find((run) => run.kind !== 'compressed')
  const { messageClass, waiting } = first ?? { messageClass: undefined, waiting: false }
  if (texts.length < decoded.length) {
    return { kind: 'binary', octets: Buffer.concat(parts.map(({ octets }) => octets)), messageClass, waiting }
  }
  let text = ''
  let expected = 1
  for (const [index, run] of runs.entries()) {
    const { sequence } = run[0] as Parts[number]
    text += (sequence > expected ? GAP : '') + (texts[index]?.text ?? '')
    expected = sequence + run.length
  }
  const unmapped = texts.reduce((sum, run) => sum + run.unmapped, 0)
  return { kind: 'text', text, unmapped, messageClass, waiting }
}

/** Parts in order, those together that follow each other in the same alphabet and languages. */
function toRuns(parts: Parts): Parts[number][][] {
  const runs: Parts[number][][] = []
  for (const part of parts) {
    const run = runs.at(-1)
    const before = run?.at(-1)
    const continues =
      before !== undefined &&
      before.sequence + 1 === part.sequence &&
      before.dataCoding === part.dataCoding &&
      before.languages.locking === part.languages.locking &&
      before.languages.single === part.languages.single
    if (continues) run?.push(part)
    else runs.push([part])
  }
  return runs
}
