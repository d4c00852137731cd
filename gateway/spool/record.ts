import { life, type Operation } from './operation.js'
import type { SentRecord } from './spool.js'

let generations = 0

/** Tells the reports of one sending from those of another sending of the same message. */
function generation(now: number): string {
  generations += 1
  return `${now.toString(36)}-${process.pid.toString(36)}-${generations.toString(36)}`
}

/** A record as the script stores it: arguments of `record` in a verdict, and its text in the lines that REPORTS describes. */
export function recordOperation(record: SentRecord, now: number): Pick<Operation, 'args' | 'texts'> {
  // A part without a name gets no report, so none is awaited for it.
  const parts = record.parts.filter(({ keys }) => keys.length > 0)
  const keys = parts.flatMap((part, index) => part.keys.map((key) => ({ key, number: index + 1 })))
  const lifeMs = life(record.lifeMs)
  const name = generation(now)
  const id = JSON.stringify(record.id)
  const found = JSON.stringify([record.scope, keys[0]?.key ?? ''])
  const named = keys.flatMap(({ key, number }) => [key, number])
  return {
    args: ['record', record.scope, name, id, found, lifeMs, now, keys.length, ...named],
    texts: [text(record, name, parts.length, keys.length > 1 ? keys.map(({ key }) => key) : [], now + lifeMs)],
  }
}

function text(record: SentRecord, name: string, parts: number, keys: readonly string[], endsAt: number): string {
  const { id, reportLane, wants, addresses, context } = record
  const fixed = JSON.stringify({ lane: reportLane, attempts: 0, expiresAt: endsAt }).slice(1, -1)
  return [
    `---${'-'.repeat(parts)}`,
    endsAt,
    `,${wants.join()},`,
    reportLane,
    JSON.stringify({ keys, addresses }),
    JSON.stringify(id),
    name,
    `",${fixed},"payload":{"recordId":${JSON.stringify(id)},"context":`,
    JSON.stringify(context ?? null),
  ].join('\n')
}
