import { createHash } from 'node:crypto'
import { type Job, Queue, Worker } from 'bullmq'
import type { Logger } from 'pino'
import { keysOf } from './keys.js'
import type { RedisClient, RedisHandle } from './redis.js'
import { run } from './script.js'
import { BACK } from './scripts/back.js'
import type { SpoolItem } from './spool.js'

/** An item that lies in BullMQ until it is due. */
export interface WaitingItem {
  readonly item: SpoolItem
  readonly job: string
}

/** As it was found there. */
export interface FoundItem extends WaitingItem {
  /** Its job may come back for so long although somebody has taken the item: for as long that is to be known, ms. */
  readonly lifeMs: number
}

export interface Waiting {
  /** Makes the job; the same item, as accepted once, with the same attempts is one job. It counts as waiting once its verdict is written. */
  add(item: SpoolItem, delayMs: number): Promise<WaitingItem>
  /** The job for it, if there is one or was until a few minutes ago. */
  known(item: SpoolItem): Promise<WaitingItem | undefined>
  /** Waiting items of a lane with this very id, or with an id that begins so; the first 500 of them. */
  find(lane: string, id: string, match: 'whole' | 'beginning'): Promise<readonly FoundItem[]>
  /** Back to its lane, unless somebody else has taken it. */
  release(found: FoundItem): Promise<boolean>
  /** Removes the job of an item that has been taken. */
  drop(waiting: WaitingItem): Promise<void>
  stop(): Promise<void>
}

interface JobData {
  readonly item: string
}

const QUEUE = 'bull'
const PARALLEL = 32
const MAX_FAILED_JOBS = 1_000
/** BullMQ must never give an item up: only Redis can make its job fail. */
const FOR_EVER = 1_000_000_000
const RETRY_MS = 1_000
/** How late a job may come that is due: it has been handed to a process that died. */
const STRAY_MS = 600_000
const MAX_EVENTS = 100
const MAX_FOUND = 500
const LAST = '\xff'

/** BullMQ wants neither a colon nor digits alone. */
const jobOf = ({ lane, id, acceptedAt, attempts }: SpoolItem): string =>
  `w${createHash('sha256').update(`${lane}\0${id}\0${acceptedAt}\0${attempts}`).digest('hex').slice(0, 40)}`

export async function createWaiting(redis: RedisHandle, log: Logger): Promise<Waiting> {
  const { command, prefix } = redis
  const keys = keysOf(prefix)
  const producer = redis.duplicate('command')
  const consumer = redis.duplicate('queue')
  await Promise.all([ready(producer), ready(consumer)])
  const queue = new Queue<JobData>(QUEUE, {
    connection: producer,
    prefix,
    streams: { events: { maxLen: MAX_EVENTS } },
    defaultJobOptions: {
      attempts: FOR_EVER,
      backoff: { type: 'fixed', delay: RETRY_MS },
      removeOnComplete: true,
      removeOnFail: MAX_FAILED_JOBS,
    },
  })
  const worker = new Worker<JobData>(QUEUE, async (job) => void (await release(foundItem(job))), {
    connection: consumer,
    prefix,
    concurrency: PARALLEL,
    maxStalledCount: FOR_EVER,
  })
  const warn = (error: Error): void => log.warn({ err: error }, 'bullmq')
  queue.on('error', warn)
  worker.on('error', warn)

  async function release({ item, job, lifeMs }: FoundItem): Promise<boolean> {
    const { lane, id, expiresAt } = item
    return (await run(command, BACK, prefix, [lane, id, job, lifeMs, JSON.stringify(item), expiresAt])) === 1
  }

  return {
    async add(item, delayMs) {
      const job = jobOf(item)
      await queue.add('wait', { item: JSON.stringify(item) }, { jobId: job, delay: delayMs })
      return { item, job }
    },
    async known(item) {
      const job = jobOf(item)
      const there = (await queue.getJob(job)) !== undefined || (await command.exists(keys.back(job))) === 1
      return there ? { item, job } : undefined
    },
    async find(lane, id, match) {
      const from = match === 'whole' ? `${id}\0` : id
      const members = await command.zrangebylex(keys.waiting(lane), `[${from}`, highest(from), 'LIMIT', 0, MAX_FOUND)
      const jobs = await Promise.all(members.map((member) => queue.getJob(jobIn(member))))
      return jobs.flatMap((job) => (job ? [foundItem(job)] : []))
    },
    release,
    async drop({ job }) {
      // The job may just run: it finds the item taken and ends by itself.
      await queue.remove(job).catch((error: unknown) => log.debug({ err: error }, 'a job stays until it is due'))
    },
    async stop() {
      await worker.close()
      await queue.close()
      producer.disconnect()
      consumer.disconnect()
    },
  }
}

function foundItem({ data, timestamp, delay }: Job<JobData>): FoundItem {
  const item = JSON.parse(data.item) as SpoolItem
  return { item, job: jobOf(item), lifeMs: Math.max(0, timestamp + delay - Date.now()) + STRAY_MS }
}

/** The job in `<id> NUL <job>`, as the sorted set of waiting items has it. */
const jobIn = (member: string): string => member.slice(member.indexOf('\0') + 1)

/** Upper end of a range of all that begin with a text: 0xFF is in no UTF-8. */
const highest = (from: string): Buffer => Buffer.concat([Buffer.from(`[${from}`), Buffer.from(LAST, 'latin1')])

async function ready(client: RedisClient): Promise<void> {
  if (client.status !== 'ready') await new Promise((resolve) => client.once('ready', resolve))
}
