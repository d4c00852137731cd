import { runCommandLine } from '../../gateway/cli/program.js'
import type { Terminal } from '../../gateway/cli/terminal.js'

export interface Session {
  readonly code: number
  readonly out: readonly string[]
  readonly error: readonly string[]
}

/** Runs a command line to its end; `stop` is the interruption from the keyboard. */
export async function causeway(
  args: readonly string[],
  { env = {}, stop = new AbortController().signal }: { env?: NodeJS.ProcessEnv; stop?: AbortSignal } = {},
): Promise<Session> {
  const out: string[] = []
  const error: string[] = []
  const terminal: Terminal = {
    out: (line) => void out.push(line),
    error: (line) => void error.push(line),
    env,
    interrupted: () => stop,
  }
  const code = await runCommandLine(args, terminal)
  return { code, out, error }
}
