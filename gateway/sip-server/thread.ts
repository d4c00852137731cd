import { Worker } from 'node:worker_threads'
import type { SipServer, SipServerOptions, SipServerStats } from './options.js'
import type { FromWorker, ToWorker } from './worker-messages.js'

const CRASHED = 'the SIP server thread ended'

/**
 * Starts the embedded SIP server in a worker thread of its own, whose nursery is as large as the main thread's (the flag in
 * `gateway/main.ts` is for both). Rejects like `startSipServer`. When the thread dies
 * later, `onExit` of the options hears of it; without one the error is thrown, so that it cannot pass unseen.
 */
export async function startSipServerThread({ onExit, ...options }: SipServerOptions): Promise<SipServer> {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: options })
  const asked = new Map<number, { resolve(stats: SipServerStats): void; reject(error: Error): void }>()
  let lastId = 0
  let stopping = false
  let failure: Error | undefined

  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  const started = new Promise<Extract<FromWorker, { kind: 'started' }>>((resolve, reject) => {
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'started') resolve(message)
      else if (message.kind === 'refused') reject(new Error(message.message))
      else asked.get(message.id)?.resolve(message.stats)
    })
    worker.on('error', (error) => {
      failure = error
    })
    worker.once('exit', () => reject(failure ?? new Error(CRASHED)))
  })

  const { control, listening } = await started
  worker.once('exit', () => {
    const error = failure ?? new Error(CRASHED)
    for (const { reject } of asked.values()) reject(error)
    if (stopping) return
    if (!onExit) throw error
    onExit(error)
  })
  const tell = (message: ToWorker) => worker.postMessage(message)
  return {
    control,
    listening,
    stats: async () => {
      const id = ++lastId
      const answer = new Promise<SipServerStats>((resolve, reject) => asked.set(id, { resolve, reject }))
      tell({ kind: 'stats', id })
      return answer.finally(() => asked.delete(id))
    },
    stop: async () => {
      stopping = true
      tell({ kind: 'stop' })
      await exited
    },
  }
}
