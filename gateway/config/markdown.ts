/** A Markdown table with aligned columns, so that it is read as text too; `|` inside a cell is escaped. */
export function markdownTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [heading, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|').replace(/\s+/g, ' ')))
  const widths = heading.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[], fill: string) =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width, fill)).join(' | ')} |`
  const [head = [], ...body] = cells
  return [line(head, ' '), line([], '-'), ...body.map((row) => line(row, ' '))].join('\n')
}
