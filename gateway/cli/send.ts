import { InvalidArgumentError } from 'commander'
import { loadConfig } from '../config/load.js'
import { normalUri } from '../cpm/address.js'
import { newMessageId } from '../cpm/identity.js'
import type { ContributionId, ConversationId, MessageId, ServiceId } from '../cpm/ids.js'
import type { DispositionNotification, DispositionRequest } from '../cpm/message.js'
import type { SipOutcome } from '../sip/port.js'
import { readDuration } from './duration.js'
import type { AddCommand } from './program.js'
import { EXIT, type ExitCode, fired, printable, type Terminal, wrongUsage } from './terminal.js'
import { connectUser, withoutWarningCode } from './user.js'

interface SendFlags {
  readonly from: string
  readonly to: string
  readonly report: readonly ReportKind[]
  readonly wait?: number
  readonly conversation?: string
  readonly replyTo?: string
  readonly service?: string
  readonly subject?: string
  readonly after?: number
  readonly config?: string
}

/** As they are typed: each may be missing, and `--wait` without a number is true. */
type GivenFlags = Omit<SendFlags, 'report' | 'wait'> & { report?: readonly ReportKind[]; wait?: number | true }

const REPORTS = {
  delivery: ['positive-delivery', 'negative-delivery'],
  display: ['display'],
} as const satisfies Record<string, readonly DispositionRequest[]>
type ReportKind = keyof typeof REPORTS

const DEFAULT_WAIT_S = 30

export const sendCommand: AddCommand = (program, terminal, done) => {
  program
    .command('send')
    .description(
      'Register as a user of the configuration at the gateway on this machine and send a text.\n' +
        'Exits with 0 when it was taken (and reported, with --wait), 1 when not, 3 when no report came in time.',
    )
    .argument('<text>', 'what to send')
    .requiredOption('-f, --from <user>', 'user under `users` of the configuration')
    .requiredOption('-t, --to <uri>', 'recipient, e.g. tel:+12065550100 or sip:bob@cpm.example')
    .option('-r, --report <kinds>', 'reports to ask for: delivery, display or both with a comma', readKinds)
    .option(
      '-w, --wait [seconds]',
      `wait for the reports (default ${DEFAULT_WAIT_S} s; asks for delivery if nothing is asked for)`,
      readSeconds,
    )
    .option('--conversation <id>', 'Conversation-ID to stay in')
    .option('--reply-to <id>', 'Contribution-ID of the message this one answers')
    .option('--service <id>', 'service to leave by, e.g. sms')
    .option('--subject <text>', 'subject')
    .option('--after <duration>', 'deliver it so much later, e.g. 2h', readDuration)
    .option('-c, --config <file>', 'configuration of the running gateway')
    .action(async (text: string, { wait: asked, ...given }: GivenFlags) => {
      const wait = asked === true ? DEFAULT_WAIT_S : asked
      const report = given.report ?? (wait === undefined ? [] : ['delivery' as const])
      done(await send(text, { ...given, report, ...(wait === undefined ? {} : { wait }) }, terminal))
    })
}

async function send(text: string, flags: SendFlags, terminal: Terminal): Promise<ExitCode> {
  const { config } = await loadConfig(flags.config, terminal.env)
  if (normalUri(flags.to) === undefined)
    throw wrongUsage(`expected an address such as tel:+12065550100, found ${flags.to}`)
  const messageId = newMessageId()
  const reports = awaitReports(messageId, flags.report, terminal)
  const user = await connectUser(config, flags.from, { onMessage: () => {}, onNotification: reports.take })
  try {
    const { outcome } = await user.agent.send({
      messageId,
      to: flags.to,
      content: { type: 'text/plain', text },
      dispositions: flags.report.flatMap((kind) => REPORTS[kind]),
      ...(flags.conversation === undefined ? {} : { conversationId: flags.conversation as ConversationId }),
      ...(flags.replyTo === undefined ? {} : { inReplyTo: flags.replyTo as ContributionId }),
      ...(flags.service === undefined ? {} : { service: flags.service as ServiceId }),
      ...(flags.subject === undefined ? {} : { subject: flags.subject }),
      ...(flags.after === undefined ? {} : { deliverAt: Date.now() + flags.after }),
    })
    terminal.out(`${outcomeLine(outcome)}  message ${messageId}`)
    if (outcome.kind !== 'answered' || outcome.status >= 300) return EXIT.failed
    if (flags.wait === undefined) return EXIT.ok
    const limit = AbortSignal.any([AbortSignal.timeout(flags.wait * 1000), terminal.interrupted()])
    return await Promise.race([reports.ended, fired(limit).then(() => noReport(messageId, terminal))])
  } finally {
    await user.stop()
  }
}

function noReport(messageId: string, terminal: Terminal): ExitCode {
  terminal.error(`no report in time; how far the message came: causeway trace ${messageId}`)
  return EXIT.noReport
}

/**
 * Prints reports about one message as they come; `ended` resolves when every kind has come, or a failure that ends the message. Those
 * about other messages of the same user, which come here as well, are not ours to show.
 */
function awaitReports(id: MessageId, kinds: readonly ReportKind[], terminal: Terminal) {
  const missing = new Set(kinds)
  let end: (code: ExitCode) => void
  const ended = new Promise<ExitCode>((resolve) => {
    end = resolve
  })
  return {
    ended,
    take({ disposition, messageId, recipient }: DispositionNotification) {
      if (messageId !== id) return
      terminal.out(`${disposition.kind} ${disposition.status}  ${printable(recipient)}`)
      if (disposition.status === 'failed' || disposition.status === 'error') end(EXIT.failed)
      if (disposition.kind === 'delivery' || disposition.kind === 'display') missing.delete(disposition.kind)
      if (missing.size === 0) end(EXIT.ok)
    },
  }
}

function outcomeLine(outcome: SipOutcome): string {
  return outcome.kind === 'answered'
    ? printable(withoutWarningCode(outcome.said) || `${outcome.status} ${outcome.reason}`)
    : `${outcome.kind === 'silent' ? 'no answer' : 'not sent'}: ${printable(outcome.said)}`
}

function readKinds(text: string): ReportKind[] {
  return text.split(',').map((kind) => {
    if (kind === 'delivery' || kind === 'display') return kind
    throw new InvalidArgumentError('expected delivery, display or delivery,display')
  })
}

function readSeconds(text: string): number {
  const seconds = Number(text)
  if (!(seconds > 0 && seconds <= 86_400)) throw new InvalidArgumentError('expected a number of seconds')
  return seconds
}
