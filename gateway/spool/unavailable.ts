import { SpoolUnavailable } from './spool.js'

/** Redis away, loading, full, read-only or failing over: to the caller it is all one. The cause is kept for the log. */
export const available = <T>(answer: Promise<T>): Promise<T> => answer.catch(fault)

function fault(error: unknown): never {
  if (error instanceof SpoolUnavailable) throw error
  throw new SpoolUnavailable(error instanceof Error ? error.message : String(error), { cause: error })
}
