/** A day: no request waits that long. */
const MAX_TIMEOUT_MS = 86_400_000

/** Asks to forward a waiting request instead of answering it. */
export interface ProxyCommand {
  readonly kind: 'proxy'
  readonly id: string
  readonly transactionId: string
  /** Stay on the path: Record-Route, or Path of a registration. */
  readonly remainInDialog: boolean
  readonly followRedirects: boolean
  /** All destinations at once; otherwise one after the other. */
  readonly simultaneous: boolean
  /** Time a destination has to show a sign of life, and to answer; undefined for no limit but the protocol's. */
  readonly provisionalTimeoutMs: number | undefined
  readonly finalTimeoutMs: number | undefined
  readonly destinations: readonly string[]
  /** A SIP request whose headers are added to the one forwarded. */
  readonly text: string
}

/** Reads the tokens after `proxy`; the third, fullResponse, is always set by drachtio-srf and not looked at. */
export function readProxyCommand(id: string, tokens: readonly string[], text: string): ProxyCommand {
  const [transactionId = '', remain, , follow, forking, provisional = '', final = '', ...destinations] = tokens
  return {
    kind: 'proxy',
    id,
    transactionId,
    remainInDialog: remain === 'remainInDialog',
    followRedirects: follow === 'followRedirects',
    simultaneous: forking === 'simultaneous',
    provisionalTimeoutMs: duration(provisional),
    finalTimeoutMs: duration(final),
    destinations: destinations.filter((destination) => destination !== ''),
    text,
  }
}

/** `2s`, `1500ms`, or a bare number of milliseconds. */
function duration(text: string): number | undefined {
  const parts = /^(\d{1,9})(ms|s)?$/.exec(text)
  if (!parts) return undefined
  return Math.min(Number(parts[1]) * (parts[2] === 's' ? 1000 : 1), MAX_TIMEOUT_MS)
}
