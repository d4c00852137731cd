import { hash } from 'node:crypto'
import type { Clock } from '../../gateway/cpm/clock.js'
import type { Attempt, OutboundMessage } from '../contract/index.js'
import type { Account } from './profile.js'

/** One recipient's message in a request that may be for several. */
export interface Seat {
  readonly message: OutboundMessage
  readonly attempt: Attempt
}

/** Sends what is for several recipients as one; an outcome for each, in order. */
type SendTogether<Outcome> = (seats: readonly [Seat, ...Seat[]]) => Promise<readonly Outcome[]>

interface Batch<Outcome> {
  readonly seats: [Seat, ...Seat[]]
  readonly outcomes: Promise<readonly Outcome[]>
  close(): void
}

export type Batches<Outcome> = (
  account: Account,
  seat: Seat,
  send: SendTogether<Outcome>,
) => Promise<Outcome | undefined>

/**
 * Gathers messages that differ in their recipient only, for a moment or until there are as many as one request may have. Each
 * keeps its own outcome: nobody's is lost by what becomes of another's.
 */
export function createBatches<Outcome>(clock: Clock): Batches<Outcome> {
  const open = new Map<string, Batch<Outcome>>()

  function begin(key: string, seat: Seat, waitMs: number, send: SendTogether<Outcome>): Batch<Outcome> {
    const seats: [Seat, ...Seat[]] = [seat]
    let close = () => {}
    const closed = new Promise<void>((resolve) => {
      const cancel = clock.after(waitMs, () => close())
      close = () => {
        cancel()
        if (open.get(key)?.seats === seats) open.delete(key)
        resolve()
      }
    })
    const batch = { seats, outcomes: closed.then(() => send(seats)), close: () => close() }
    open.set(key, batch)
    return batch
  }

  return async (account, seat, send) => {
    const key = keyOf(account, seat)
    const found = open.get(key)
    const fits = found?.seats.every(({ message }) => message.to !== seat.message.to) ?? false
    if (!fits) found?.close()
    const batch = fits && found ? found : begin(key, seat, account.together.wait, send)
    const place = fits ? batch.seats.push(seat) - 1 : 0
    if (batch.seats.length >= account.together.recipients) batch.close()
    return (await batch.outcomes)[place]
  }
}

/** Ends of life that differ by less are one. */
const MINUTE_MS = 60_000

/** What messages of one request have in common. */
function keyOf(account: Account, { message }: Seat): string {
  const { from, content, subject, priority, deliverAt, expiresAt, reports } = message
  const common = [account.name, from, subject, priority, deliverAt, Math.floor(expiresAt / MINUTE_MS), reports]
  const body = 'text' in content ? content.text : content.base64
  return `${JSON.stringify(common)} ${content.type} ${hash('sha256', body, 'base64url')}`
}
