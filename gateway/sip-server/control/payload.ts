import type { HostPort, TransportName } from '../host-port.js'
import { frameId } from './frame-id.js'

/** Where a message went or came from; transport and address are empty where none took part. */
export interface PayloadOrigin {
  readonly bytes: number
  readonly transport: TransportName | 'unknown' | ''
  readonly host: string
  readonly port: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** Plain answer to a command: `OK`, `OK|pong`, `NOK|<reason>`, `NO|<reason>`. */
export function replyPayload(commandId: string, ...tokens: readonly string[]): string {
  return [frameId(), 'response', commandId, ...tokens].join('|')
}

/** A new request from the network, 13 tokens; the two after the empty dialog id say where it came in. */
export function requestPayload(
  origin: PayloadOrigin,
  transactionId: string,
  receivedOn: HostPort,
  text: string,
): string {
  return `${sipTokens('network', origin, transactionId, '')}${receivedOn.host}|${receivedOn.port}|\r\n${text}`
}

/** A request within a dialog, an ACK or a CANCEL: 11 tokens. */
export function dialogRequestPayload(
  origin: PayloadOrigin,
  transactionId: string,
  dialogId: string,
  text: string,
): string {
  return `${sipTokens('network', origin, transactionId, dialogId)}\r\n${text}`
}

/** A BYE the server has sent by itself; the client is told of the end of the dialog by it. */
export function unsolicitedPayload(origin: PayloadOrigin, dialogId: string, text: string): string {
  return `${sipTokens('application', origin, 'unsolicited', dialogId)}\r\n${text}`
}

/** A response from the network, or one the server made up because none will come: 11 tokens. */
export function responsePayload(origin: PayloadOrigin, transactionId: string, text: string, dialogId = ''): string {
  return `${sipTokens('network', origin, transactionId, dialogId)}\r\n${text}`
}

/** OK for a request sent, with the request as it went out, if the client wants it: 12 tokens; it learns the transaction id from it. */
export function requestSentPayload(
  commandId: string,
  origin: PayloadOrigin,
  transactionId: string,
  copy: string | undefined,
): string {
  return `${sentTokens(commandId, origin, transactionId)}|Msg sent:|${afterTokens(copy)}`
}

/** OK for a response sent, with a copy of it if the client wants one: 15 tokens, the dialog id being empty outside a dialog and for BYE. */
export function responseSentPayload(
  commandId: string,
  origin: PayloadOrigin,
  transactionId: string,
  copy: string | undefined,
  dialogId = '',
): string {
  return `${sentTokens(commandId, origin, transactionId)}|${dialogId}||Msg sent:|${afterTokens(copy)}`
}

/** A final response a forwarded request got: 13 tokens; `continue` tells the client that this is not the last. */
export function proxyResponsePayload(commandId: string, origin: PayloadOrigin, text: string): string {
  return `${frameId()}|response|${commandId}|OK|network|${originTokens(origin)}|||continue\r\n${text}`
}

/** The last answer to a proxy command that was obeyed. */
export function proxyDonePayload(commandId: string): string {
  return replyPayload(commandId, 'OK', 'done')
}

/** A call detail record: the role for `cdr:start`, the reason for `cdr:stop` come last. */
export function callRecordPayload(
  verb: string,
  source: string,
  at: number,
  last: string | undefined,
  text: string,
): string {
  const tokens = [frameId(), verb, source, timeOfDay(at), ...(last === undefined ? [] : [last])]
  return `${tokens.join('|')}\r\n${text}`
}

function sipTokens(
  source: 'network' | 'application',
  origin: PayloadOrigin,
  transactionId: string,
  dialogId: string,
): string {
  return `${frameId()}|sip|${source}|${originTokens(origin)}|${transactionId}|${dialogId}|`
}

function sentTokens(commandId: string, origin: PayloadOrigin, transactionId: string): string {
  return `${frameId()}|response|${commandId}|OK|application|${originTokens(origin)}|${transactionId}`
}

const afterTokens = (text: string | undefined): string => (text === undefined ? '' : `\r\n${text}`)

function originTokens({ bytes, transport, host, port, at }: PayloadOrigin): string {
  return `${bytes}|${transport}|${host}|${port}|${timeOfDay(at)}`
}

let lastAt = Number.NaN
let lastTime = ''

/** `HH:MM:SS.uuuuuu`, UTC. Many frames are of the same millisecond. */
function timeOfDay(at: number): string {
  if (at !== lastAt) {
    lastAt = at
    lastTime = writtenTime(at)
  }
  return lastTime
}

function writtenTime(at: number): string {
  const ms = at % 86_400_000
  const seconds = Math.floor(ms / 1000)
  const fraction = String(Math.floor((ms % 1000) * 1000)).padStart(6, '0')
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${fraction}`
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value)
}
