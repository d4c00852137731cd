import type { Names } from './names.js'
import { first, readSip, type SipText, tagIn } from './sip-text.js'

const COMPARED = ['contact', 'route', 'record-route'] as const

/** How a message of our server differs from the recorded one; nothing when it does not. */
export function compareMessage(recorded: string, actual: string, names: Names): string[] {
  const was = readSip(recorded)
  const is = readSip(actual)
  const complaints: string[] = []
  const check = (what: string, expected: unknown, found: unknown) => {
    if (expected !== found) complaints.push(`${what}: recorded ${expected}, here ${found}`)
  }
  for (const name of ['from', 'to']) {
    const [before, now] = [tagIn(first(was, name)), tagIn(first(is, name))]
    if (!names.learn(before, now)) complaints.push(`tag of ${name}: recorded ${before}, here ${now}`)
  }
  if (!names.learn(first(was, 'call-id'), first(is, 'call-id'))) complaints.push('Call-ID')
  names.learn(branchOf(first(was, 'via')), branchOf(first(is, 'via')))
  if (!was.start.startsWith('SIP/')) learnVias(was, is, names)
  names.learn(first(was, 'rseq'), first(is, 'rseq'))
  if (
    !was.start.startsWith('SIP/') &&
    was.start.slice(0, 4) === is.start.slice(0, 4) &&
    !names.learnCSeq(recorded, actual)
  ) {
    complaints.push(`CSeq: recorded ${first(was, 'cseq')}, here ${first(is, 'cseq')}`)
  }
  check('start line', names.words(was.start), is.start)
  for (const name of ['from', 'to']) check(name, plain(names.words(first(was, name))), plain(first(is, name)))
  check('CSeq', first(readSip(names.translate(recorded)), 'cseq'), first(is, 'cseq'))
  for (const name of COMPARED) check(name, list(was.headers.get(name), names), list(is.headers.get(name)))
  // Our server always counts the octets of what it gives to a client.
  if (was.headers.has('content-length'))
    check('Content-Length', first(was, 'content-length'), first(is, 'content-length'))
  check('body', was.body, is.body)
  return complaints
}

/** The same for a payload of the control protocol. */
export function compareFrame(recorded: string, actual: string, names: Names): string[] {
  const [was, is] = [apart(recorded), apart(actual)]
  if (was.tokens.length !== is.tokens.length)
    return [`${was.tokens.length} tokens recorded, here ${is.tokens.length}: ${is.line}`]
  const complaints = was.tokens.flatMap((token, at) => {
    const found = is.tokens[at] ?? ''
    return sameToken(roleOf(was.tokens, at), token, found, names)
      ? []
      : [`token ${at}: recorded ${token}, here ${found}`]
  })
  return was.message === '' && is.message === ''
    ? complaints
    : [...complaints, ...compareMessage(was.message, is.message, names)]
}

type Role = 'ignored' | 'same' | 'bytes' | 'protocol' | 'port' | 'id' | 'endpoints'

/** What stands at a place of the token line. */
function roleOf(tokens: readonly string[], at: number): Role {
  if (at === 0) return 'ignored'
  if (tokens[1] === 'sip') return SIP_ROLES[at] ?? 'same'
  if (tokens[1] !== 'response') return at === 3 ? 'ignored' : 'same'
  if (tokens[3] === 'OK' && tokens.length > 7) return SENT_ROLES[at] ?? 'same'
  if (tokens[3] === 'OK' && tokens.length === 7) return at === 5 ? 'ignored' : at > 3 ? 'endpoints' : 'same'
  return 'same'
}

const SIP_ROLES: Readonly<Record<number, Role>> = {
  3: 'bytes',
  4: 'protocol',
  6: 'port',
  7: 'ignored',
  8: 'id',
  11: 'port',
}
const SENT_ROLES: Readonly<Record<number, Role>> = { 5: 'bytes', 6: 'protocol', 8: 'port', 9: 'ignored', 10: 'id' }

function sameToken(role: Role, recorded: string, actual: string, names: Names): boolean {
  switch (role) {
    case 'ignored':
      return true
    case 'bytes':
      return (recorded === '0') === (actual === '0')
    // The recorded server leaves it empty or unknown where it had forgotten it.
    case 'protocol':
      return recorded === actual || recorded === '' || recorded === 'unknown'
    case 'port':
      return names.learnPort(recorded, actual)
    case 'id':
      return names.learn(recorded, actual)
    case 'endpoints':
      return names.words(recorded).split(',').sort().join() === actual.split(',').sort().join()
    case 'same':
      return names.words(recorded) === actual
  }
}

function apart(payload: string): { line: string; tokens: readonly string[]; message: string } {
  const end = payload.indexOf('\r\n')
  const line = end < 0 ? payload : payload.slice(0, end)
  return { line, tokens: line.split('|'), message: end < 0 ? '' : payload.slice(end + 2) }
}

function learnVias(was: SipText, is: SipText, names: Names): void {
  const ours = is.headers.get('via') ?? []
  for (const [at, via] of (was.headers.get('via') ?? []).entries()) {
    const our = ours[at]
    if (our !== undefined) names.learnVia(via, our)
  }
}

function branchOf(via: string): string {
  return /branch=([^;,\s]+)/.exec(via)?.[1] ?? ''
}

/** The recorded server puts no brackets around a To it makes itself. */
function plain(value: string): string {
  return value.replace(/[<>\s]/g, '')
}

function list(values: readonly string[] | undefined, names?: Names): string {
  const text = (values ?? []).join(',').replace(/\s*,\s*/g, ',')
  return plain(names ? names.words(text) : text)
}
