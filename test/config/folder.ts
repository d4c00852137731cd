import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { ConfigError, type ConfigProblem, type LoadedConfig, loadConfig } from '../../gateway/config/load.js'

/** A file with this text, in a folder that goes with the test. */
export function fileWith(text: string, name = 'gw.yaml'): string {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-config-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

export const loadText = (text: string, env: NodeJS.ProcessEnv = {}): Promise<LoadedConfig> =>
  loadConfig(fileWith(text), env)

/** Problems of a configuration that must have some, without the file's name: `line:column key: message, found …`. */
export async function problemsOf(text: string, env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  return (await problems(text, env)).map(
    ({ line, column, key, message, found }) =>
      `${line}:${column} ${key}: ${message}${found === undefined ? '' : `, found ${found}`}`,
  )
}

export async function problems(text: string, env: NodeJS.ProcessEnv = {}): Promise<readonly ConfigProblem[]> {
  try {
    await loadText(text, env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}
