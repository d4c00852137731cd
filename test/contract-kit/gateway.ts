import type {
  GatewayPort,
  InboundMessage,
  InboundReport,
  ReceiveOutcome,
  ReportOutcome,
  SendOutcome,
} from '../../adapters/contract/index.js'
import type { MessageId } from '../../gateway/cpm/ids.js'

/** The gateway as an adapter sees it: remembers what it is told and answers as the test wants. */
export interface RecordingGateway extends GatewayPort {
  readonly messages: InboundMessage[]
  readonly reports: InboundReport[]
  readonly settled: { readonly messageId: MessageId; readonly outcome: SendOutcome }[]
  healthChanges: number
  /** How messages are answered from now on; default: stored, or duplicate when the id is known. */
  answerMessages(answer: (message: InboundMessage) => Promise<ReceiveOutcome>): void
  answerReports(answer: (report: InboundReport) => Promise<ReportOutcome>): void
  /** Resolves when `look` returns something; asked again after each thing told. */
  until<T>(look: () => T | undefined): Promise<T>
}

export function recordingGateway(): RecordingGateway {
  const known = new Set<string>()
  const waiting = new Set<() => void>()
  const told = () => {
    for (const look of [...waiting]) look()
  }
  let onMessage = async (message: InboundMessage): Promise<ReceiveOutcome> => {
    const names = [message.id, ...(message.alsoKnownAs ?? [])]
    if (names.some((name) => known.has(name))) return { kind: 'duplicate' }
    for (const name of names) known.add(name)
    return { kind: 'stored' }
  }
  let onReport = async (_report: InboundReport): Promise<ReportOutcome> => 'matched'

  const gateway: RecordingGateway = {
    messages: [],
    reports: [],
    settled: [],
    healthChanges: 0,
    answerMessages(answer) {
      onMessage = answer
    },
    answerReports(answer) {
      onReport = answer
    },
    until(look) {
      return new Promise((resolve) => {
        const again = () => {
          const found = look()
          if (found === undefined) return
          waiting.delete(again)
          resolve(found)
        }
        waiting.add(again)
        again()
      })
    },
    async receiveMessage(message) {
      const outcome = await onMessage(message)
      if (outcome.kind === 'stored') gateway.messages.push(message)
      told()
      return outcome
    },
    async receiveReport(report) {
      const outcome = await onReport(report)
      gateway.reports.push(report)
      told()
      return outcome
    },
    async settleLate(messageId, outcome) {
      gateway.settled.push({ messageId, outcome })
      told()
    },
    healthChanged() {
      gateway.healthChanges += 1
      told()
    },
  }
  return gateway
}
