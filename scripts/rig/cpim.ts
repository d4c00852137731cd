import { randomUUID } from 'node:crypto'

/** A message in CPIM, as a client writes it (RFC 3862, RFC 5438). */
export interface CpimText {
  readonly from: string
  readonly to: string
  readonly text: string
  readonly messageId?: string
  readonly dateTime?: string
  /** Tokens of imdn.Disposition-Notification. */
  readonly report?: readonly string[]
  readonly type?: string
}

export const newMessageId = (): string => `Msg-${randomUUID()}`

export function writeCpim(message: CpimText): string {
  const report = message.report ?? []
  return [
    `From: <${message.from}>`,
    `To: <${message.to}>`,
    `DateTime: ${message.dateTime ?? new Date().toISOString()}`,
    'NS: imdn <urn:ietf:params:imdn>',
    `imdn.Message-ID: ${message.messageId ?? newMessageId()}`,
    ...(report.length > 0 ? [`imdn.Disposition-Notification: ${report.join(', ')}`] : []),
    '',
    `Content-Type: ${message.type ?? 'text/plain; charset=utf-8'}`,
    '',
    message.text,
  ].join('\r\n')
}

export interface ReadCpim {
  readonly headers: ReadonlyMap<string, string>
  readonly contentType: string
  readonly text: string
}

/** Reads a CPIM body; undefined when it is none. */
export function readCpim(body: Buffer): ReadCpim | undefined {
  const [head, part, ...rest] = body.toString('utf8').split('\r\n\r\n')
  if (head === undefined || part === undefined) return undefined
  const fields = (block: string): [string, string][] =>
    block.split('\r\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()])
  const contentType = fields(part).find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? ''
  return { headers: new Map(fields(head)), contentType, text: rest.join('\r\n\r\n') }
}

export interface ReadImdn {
  readonly messageId: string
  readonly recipient: string
  /** `delivered`, `failed`, `displayed`, `legacy-sms` … */
  readonly status: string
}

/** Reads the notification in a CPIM body; undefined when it is none. */
export function readImdn(cpim: ReadCpim): ReadImdn | undefined {
  if (!cpim.contentType.toLowerCase().startsWith('message/imdn+xml')) return undefined
  const element = (name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(cpim.text)?.[1] ?? ''
  const status = /<(?:\w+:)?status>\s*<(?:\w+:)?([\w-]+)\s*\/>/.exec(cpim.text)?.[1] ?? ''
  return { messageId: element('message-id'), recipient: element('recipient-uri'), status }
}

/** A delivery or display notification as a client sends it. */
export function writeImdn(of: {
  from: string
  to: string
  messageId: string
  dateTime: string
  status: 'delivered' | 'displayed' | 'failed'
  report?: readonly string[]
}): string {
  const kind = of.status === 'displayed' ? 'display-notification' : 'delivery-notification'
  const xml =
    '<?xml version="1.0" encoding="UTF-8"?>\r\n<imdn xmlns="urn:ietf:params:xml:ns:imdn">' +
    `<message-id>${of.messageId}</message-id><datetime>${of.dateTime}</datetime>` +
    `<recipient-uri>${of.from}</recipient-uri><${kind}><status><${of.status}/></status></${kind}></imdn>`
  return writeCpim({
    from: of.from,
    to: of.to,
    text: xml,
    type: 'message/imdn+xml\r\nContent-Disposition: notification',
    ...(of.report === undefined ? {} : { report: of.report }),
  })
}
