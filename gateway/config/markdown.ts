/** A Markdown table with aligned columns, but for the last one, so that it is read as text too; `|` inside a cell is escaped. */
export function markdownTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [heading, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|').replace(/\s+/g, ' ')))
  const last = heading.length - 1
  const widths = heading.map((_, column) =>
    column === last ? 0 : Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)),
  )
  const line = (row: readonly string[], fill: string) =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width, fill)).join(' | ')} |`
  const [head = [], ...body] = cells
  return [
    line(head, ' '),
    line(
      heading.map(() => '---'),
      '-',
    ),
    ...body.map((row) => line(row, ' ')),
  ].join('\n')
}
