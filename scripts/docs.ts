import { writeFile } from 'node:fs/promises'
import { generatedPages } from './pages.js'

/** Writes the generated pages of `conf/`, to be run in the repository's folder after a change of a schema or a metric. */
for (const [file, text] of Object.entries(await generatedPages())) {
  await writeFile(file, text)
  process.stdout.write(`${file}\n`)
}
