/** The thread of the embedded SIP server: starts it with `workerData` and obeys messages until told to stop. */
import { parentPort, workerData } from 'node:worker_threads'
import { startSipServer } from './server.js'
import type { FromWorker, ToWorker, WorkerOptions } from './worker-messages.js'

async function run(options: WorkerOptions): Promise<void> {
  const say = (message: FromWorker) => parentPort?.postMessage(message)
  try {
    const server = await startSipServer(options)
    parentPort?.on('message', async (message: ToWorker) => {
      if (message.kind === 'stats') say({ kind: 'stats', id: message.id, stats: await server.stats() })
      else {
        await server.stop()
        parentPort?.close()
      }
    })
    say({ kind: 'started', control: server.control, listening: server.listening })
  } catch (error) {
    say({ kind: 'refused', message: error instanceof Error ? error.message : String(error) })
    parentPort?.close()
  }
}

await run(workerData)
