/** One row of the requirement matrix. */
export interface Requirement {
  readonly id: string
  readonly group: string
  readonly level: string
  readonly text: string
}

const ID = /^[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*-[A-Z]*\d+[a-z]?$/

/** Reads the rows of `test/requirements.md`, in order; a group is the heading above. */
export function readRequirements(markdown: string): readonly Requirement[] {
  const rows: Requirement[] = []
  let group = ''
  for (const line of markdown.split('\n')) {
    if (line.startsWith('#')) group = line.replace(/^#+\s*/, '')
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim())
    const [, id = '', , , text = '', level = ''] = cells
    if (line.startsWith('| ') && cells.length >= 7 && ID.test(id)) rows.push({ id, group, level, text })
  }
  return rows
}

const MENTION = /([A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*-[A-Z]*)(\d+)([a-z]?)(?:\.\.(\d+))?(?![\w-])/g

/** Requirement IDs that a test name carries; `CONV-01..03` stands for three. */
export function mentioned(testName: string): readonly string[] {
  const ids: string[] = []
  for (const [, stem = '', first = '', letter = '', last] of testName.matchAll(MENTION)) {
    ids.push(`${stem}${first}${letter}`)
    const end = last === undefined ? 0 : Math.min(Number(last), Number(first) + 200)
    for (let n = Number(first) + 1; n <= end; n++) ids.push(stem + String(n).padStart(first.length, '0'))
  }
  return ids
}
