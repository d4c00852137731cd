import { createInterface } from 'node:readline'
import { startXmppServer } from '../../adapters/im-xmpp/simulator/index.js'

/**
 * The XMPP server of the benchmark, a process of its own, whose users acknowledge what comes. Each line on standard input,
 * `{"messages": N, "parallel": P}`, makes users write so many messages; when all are handled it prints how long each took.
 */
export interface SayRun {
  readonly messages: number
  readonly parallel: number
  /** Domain of the component. */
  readonly to: string
}

export interface SayResult {
  readonly event: 'said'
  readonly seconds: number
  /** Until the component had stored it, each, ms. */
  readonly takenMs: readonly number[]
}

const server = await startXmppServer({ keep: 0 })

async function sayAll({ messages, parallel, to }: SayRun): Promise<SayResult> {
  const takenMs: number[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < messages) {
      const number = next++
      const begun = performance.now()
      const answer = await server.say({
        from: `u${15560000000 + (number % 5000)}@xmpp.example`,
        to: `+${15550000000 + (number % 1000)}@${to}`,
        text: `from a client ${number} ${Date.now()}`,
      })
      if (answer !== 'taken') throw new Error('the gateway returned a message')
      takenMs.push(performance.now() - begun)
    }
  }
  const begun = performance.now()
  await Promise.all(Array.from({ length: parallel }, worker))
  return { event: 'said', seconds: (performance.now() - begun) / 1000, takenMs }
}

console.log(JSON.stringify({ event: 'listening', port: server.port }))
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await sayAll(JSON.parse(line))))
}
await server.stop()
