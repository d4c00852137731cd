import { type ProxyCommand, readProxyCommand } from './proxy-command.js'

/** A command of a client, read from the payload of a frame. */
export type Command =
  | { readonly kind: 'authenticate'; readonly id: string; readonly secret: string; readonly tags: readonly string[] }
  | { readonly kind: 'route' | 'removeRoute'; readonly id: string; readonly verb: string }
  | { readonly kind: 'ping'; readonly id: string }
  | SipCommand
  | ProxyCommand
  /** Takes the connection down after `NO|<reason>`. */
  | { readonly kind: 'invalid'; readonly id: string; readonly reason: string }

export interface SipCommand {
  readonly kind: 'sip'
  readonly id: string
  /** The request to answer, or the INVITE to cancel; empty for a new request. */
  readonly transactionId: string
  readonly dialogId: string
  /** URI of the next hop; empty for the Request-URI. */
  readonly nextHop: string
  /** The SIP message. */
  readonly text: string
}

/** Tokens are separated by `|`; after them, behind the first CRLF, comes the SIP message if there is one. */
export function readCommand(payload: string): Command {
  const lineEnd = payload.indexOf('\r\n')
  const line = lineEnd < 0 ? payload : payload.slice(0, lineEnd)
  const [id = '', command, first = '', second = '', third = ''] = line.split('|')
  switch (command) {
    case undefined:
      return { kind: 'invalid', id, reason: 'Invalid message format' }
    case 'authenticate':
      return { kind: 'authenticate', id, secret: first, tags: second.split(',') }
    case 'route':
      return { kind: 'route', id, verb: first.toLowerCase() }
    case 'remove_route':
      return { kind: 'removeRoute', id, verb: first.toLowerCase() }
    case 'ping':
      return { kind: 'ping', id }
    case 'sip': {
      const text = lineEnd < 0 ? '' : payload.slice(lineEnd + 2)
      return { kind: 'sip', id, transactionId: first, dialogId: second, nextHop: third, text }
    }
    case 'proxy':
      return readProxyCommand(id, line.split('|').slice(2), lineEnd < 0 ? '' : payload.slice(lineEnd + 2))
    default:
      return { kind: 'invalid', id, reason: 'Unknown message type' }
  }
}
