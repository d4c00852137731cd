import { randomBytes } from 'node:crypto'
import { openTcpLink } from './core-link.js'
import { writeCpim, writeImdn } from './cpim.js'
import { answerTo, header, readSip, type SipText, writeSip } from './sip-text.js'
import { MESSAGE_SERVICE } from './user-agent.js'

/**
 * A SIP/IP core with a group's sender and all its CPM members: it takes each copy, and reports its delivery to the group. It
 * knows no numbers: those it answers with 404.
 */
export interface GroupCore {
  /** Sends a message to the group; resolves with the status of the answer. */
  send(messageId: string, text: string): Promise<number>
  close(): void
}

export interface GroupCoreOptions {
  readonly gateway: { readonly host: string; readonly port: number }
  readonly port: number
  readonly group: string
  /** Address of the sender. */
  readonly sender: string
  readonly onCopy: (member: string) => void
  /** A MESSAGE for the sender. */
  readonly onNotification: (body: string) => void
}

export async function openGroupCore(options: GroupCoreOptions): Promise<GroupCore> {
  const { gateway, group, sender } = options
  const pending = new Map<string, (status: number) => void>()
  const link = await openTcpLink({
    gateway,
    port: options.port,
    onMessage(octets, answer) {
      const message = readSip(octets)
      if (message === undefined) return
      if (message.status >= 200) settle(message)
      else if (message.status === 0) take(message, answer)
    },
  })

  function settle(response: SipText): void {
    const branch = branchOf(response)
    pending.get(branch)?.(response.status)
    pending.delete(branch)
  }

  function take(request: SipText, answer: (octets: Buffer) => void): void {
    const target = /^MESSAGE (\S+)/.exec(request.startLine)?.[1] ?? ''
    const isKnown = !target.startsWith('sip:+')
    answer(answerTo(request, isKnown ? 200 : 404, isKnown ? 'OK' : 'Not Found'))
    const body = request.body.toString('utf8')
    if (target === sender) options.onNotification(body)
    else if (isKnown) report(target, body)
  }

  function report(target: string, body: string): void {
    options.onCopy(target)
    const messageId = /imdn\.Message-ID: ?(\S+)/.exec(body)?.[1] ?? ''
    const dateTime = /DateTime: ?(\S+)/.exec(body)?.[1] ?? ''
    void ask(target, writeImdn({ from: target, to: sender, messageId, dateTime, status: 'delivered' }))
  }

  /** A MESSAGE of a user to the group, as an S-CSCF hands it to the originating function. */
  function ask(from: string, body: string): Promise<number> {
    const branch = `z9hG4bK${randomBytes(8).toString('hex')}`
    link.transmit(
      writeSip(
        `MESSAGE ${group} SIP/2.0`,
        [
          ['Via', `SIP/2.0/TCP 127.0.0.1:${link.port};branch=${branch}`],
          ['Max-Forwards', '70'],
          ['Route', `<sip:orig@${gateway.host}:${gateway.port};lr>`],
          ['From', `<${from}>;tag=${branch.slice(-8)}`],
          ['To', `<${group}>`],
          ['Call-ID', branch],
          ['CSeq', '1 MESSAGE'],
          ['P-Asserted-Identity', `<${from}>`],
          ['P-Asserted-Service', MESSAGE_SERVICE],
          ['Content-Type', 'message/cpim'],
        ],
        body,
      ),
    )
    return new Promise((resolve) => pending.set(branch, resolve))
  }

  return {
    send: (messageId, text) =>
      ask(
        sender,
        writeCpim({ from: sender, to: group, text, messageId, report: ['positive-delivery', 'negative-delivery'] }),
      ),
    close: () => link.close(),
  }
}

const branchOf = (message: SipText): string => /branch=([^;,\s]+)/.exec(header(message, 'via'))?.[1] ?? ''
