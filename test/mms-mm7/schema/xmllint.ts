import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const schema = fileURLToPath(new URL('soap.xsd', import.meta.url))

/** What xmllint says against these documents, by our schema of MM7: one line for each fault, none when all are valid. */
export function schemaFaults(documents: readonly string[]): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'mm7-'))
  try {
    const files = documents.map((document, index) => {
      const file = join(folder, `${index}.xml`)
      writeFileSync(file, document)
      return file
    })
    execFileSync('xmllint', ['--nonet', '--noout', '--schema', schema, ...files], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    return []
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error)
    return said.split('\n').filter((line) => line !== '' && !line.endsWith(' validates'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
