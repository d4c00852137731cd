import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { type HandsetMessage, startMmsc } from '../../adapters/mms-mm7/simulator/index.js'
import { noisePng } from '../rig/picture.js'

/**
 * The MMSC of the benchmark, a process of its own. It takes what comes and reports it as retrieved. Each line on standard
 * input, `{"messages": N, "parallel": P, "pictureSide": S}`, makes phones write so many messages with a picture of S × S pixels;
 * when all are taken it prints how long each took.
 */
export interface DeliverRun {
  readonly messages: number
  readonly parallel: number
  readonly pictureSide: number
}

export interface DeliverResult {
  readonly event: 'delivered'
  readonly seconds: number
  /** Until the gateway had stored and answered it, each, ms. */
  readonly takenMs: readonly number[]
}

const { values } = parseArgs({ options: { vasp: { type: 'string', default: '' } } })
const mmsc = await startMmsc({ vasp: values.vasp, parallel: 1000, timeoutMs: 60_000, keep: 0 })

async function deliver({ messages, parallel, pictureSide }: DeliverRun): Promise<DeliverResult> {
  const { type, name, octets } = noisePng(pictureSide)
  const takenMs: number[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < messages) {
      const number = next++
      const message: HandsetMessage = {
        from: `+${15560000000 + (number % 5000)}`,
        to: `+${15550000000 + (number % 1000)}`,
        text: `from a phone ${number} ${Date.now()}`,
        parts: [{ type, name, octets }],
      }
      const begun = performance.now()
      const status = await mmsc.deliver(message)
      if (status !== 1000) throw new Error(`the gateway answered ${status}`)
      takenMs.push(performance.now() - begun)
    }
  }
  const begun = performance.now()
  await Promise.all(Array.from({ length: parallel }, worker))
  return { event: 'delivered', seconds: (performance.now() - begun) / 1000, takenMs }
}

console.log(JSON.stringify({ event: 'listening', port: mmsc.port }))
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await deliver(JSON.parse(line))))
}
await mmsc.stop()
