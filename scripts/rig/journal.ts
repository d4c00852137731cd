import { appendFileSync, existsSync, readFileSync } from 'node:fs'

/** A message that a durable centre has taken, and what has followed from it. */
export interface Taken {
  readonly id: string
  /** ms since 1970. */
  readonly at: number
  /** Whether a report is wanted. */
  readonly wanted: boolean
  readonly from: string
  readonly to: string
  readonly text: string
  /** Its report has been acknowledged. */
  readonly reported: boolean
  /** The answer of its recipient has been acknowledged, or refused for good. */
  readonly answered: boolean
}

/**
 * What a centre that may be killed at any moment remembers, one line each: `S <id> <ms since 1970> <report wanted> <from> <to> <text>`
 * taken; `R <id>` report acknowledged; `M <id>` answer of the recipient acknowledged; `X <id>` that answer refused for good.
 */
export interface Journal {
  write(line: string): void
  /** What was written is in the file (and survives kill -9) when this returns. */
  flush(): void
  /** What the file tells of earlier lives. */
  taken(): readonly Taken[]
}

export function openJournal(file: string): Journal {
  let buffered: string[] = []
  return {
    write: (line) => void buffered.push(line),
    flush() {
      if (buffered.length === 0) return
      appendFileSync(file, `${buffered.join('\n')}\n`)
      buffered = []
    },
    taken() {
      const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
      const done = new Set(lines)
      return lines
        .filter((line) => line.startsWith('S '))
        .map((line) => {
          const [, id = '', at, wanted = '', from = '', to = '', ...text] = line.split(' ')
          const reported = done.has(`R ${id}`)
          const answered = done.has(`M ${id}`) || done.has(`X ${id}`)
          return { id, at: Number(at), wanted: wanted !== '0', from, to, text: text.join(' '), reported, answered }
        })
    },
  }
}
