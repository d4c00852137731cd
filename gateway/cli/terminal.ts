/** What a command may touch of the process; tests give their own. */
export interface Terminal {
  /** One line of result. */
  out(line: string): void
  /** One line about trouble. */
  error(line: string): void
  readonly env: NodeJS.ProcessEnv
  /** Fires at the first SIGINT or SIGTERM; a second one ends the process at once. */
  interrupted(): AbortSignal
}

export const EXIT = { ok: 0, failed: 1, usage: 2, noReport: 3 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Trouble that needs no stack trace: the message is for the person at the keyboard. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: ExitCode

  constructor(message: string, exitCode: ExitCode = EXIT.failed) {
    super(message)
    this.exitCode = exitCode
  }
}

/** What was typed cannot be meant. */
export const wrongUsage = (message: string): CommandError => new CommandError(message, EXIT.usage)

/** What others said must not move the cursor of the terminal. */
export const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')

export const processTerminal: Terminal = {
  out: (line) => void process.stdout.write(`${line}\n`),
  error: (line) => void process.stderr.write(`${line}\n`),
  env: process.env,
  interrupted() {
    const controller = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => {
        if (controller.signal.aborted) process.exit(130)
        controller.abort(signal)
      })
    return controller.signal
  },
}

/** Resolves when the signal fires. */
export const fired = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
