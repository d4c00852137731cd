import type { Config } from '../config/schema.js'
import type { Clock } from '../cpm/clock.js'
import type { NoteStore } from '../spool/spool.js'

/** Counts wrong passwords, so that nobody guesses for long. The counts lie in notes: all nodes share them. */
export interface WrongPasswords {
  /** Seconds this address has to wait before it may try for this account again; 0: none. */
  waitSeconds(account: string, source: string): Promise<number>
  count(account: string, source: string): Promise<void>
}

interface Tries {
  readonly wrong: number
  readonly until: number
}

/**
 * By account and source address, so that a stranger cannot lock a user out of his own home. `account` is from a bounded set: a
 * user of the directory, or one word for all others. Rejects with SpoolUnavailable.
 */
export function createWrongPasswords(
  notes: NoteStore,
  { maxWrong, waitAfterWrong }: Pick<Config['sip']['auth'], 'maxWrong' | 'waitAfterWrong'>,
  clock: Clock,
): WrongPasswords {
  const key = (account: string, source: string): string => `wrong-password:${account}|${source}`

  return {
    async waitSeconds(account, source) {
      const text = await notes.get(key(account, source))
      const tries: Tries | undefined = text === undefined ? undefined : JSON.parse(text)
      if (!tries || tries.wrong < maxWrong) return 0
      return Math.max(0, Math.ceil((tries.until - clock.now()) / 1000))
    },
    count: (account, source) =>
      notes.update<Tries, void>(key(account, source), waitAfterWrong, (tries) => {
        const isOld = tries === undefined || tries.until <= clock.now()
        const next = { wrong: isOld ? 1 : tries.wrong + 1, until: clock.now() + waitAfterWrong }
        return { next, result: undefined }
      }),
  }
}
