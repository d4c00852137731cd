import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino'
import { PinoPretty } from 'pino-pretty'
import type { Config } from '../config/schema.js'
import { maskNumbers } from './mask.js'

/** Keys whose values are never written, however deep: credentials, and what people say to each other. */
const SECRET = /^(password|secret|tokens?|authorization|proxy-authorization|cookie)$/i
const BODY = /^(body|text|content|base64|payload|short_message|message_payload)$/i
const MAX_DEPTH = 5
const MAX_TEXT = 2_000

/**
 * The log of a node: one JSON line an event, `event` being its name (`log.info({ service }, 'adapter up')`). On a
 * terminal it is written for people. Bodies and credentials are left out; numbers are masked by policy.
 */
export function createLog(observe: Config['observe'], destination: DestinationStream = standardOutput()): Logger {
  const target = observe.maskNumbers ? { write: (line: string) => destination.write(maskNumbers(line)) } : destination
  return pino(
    {
      level: observe.logLevel,
      base: undefined,
      messageKey: 'event',
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: ['password', 'secret', 'authorization', '*.password', '*.secret', '*.authorization'],
        remove: true,
      },
      formatters: {
        level: (level) => ({ level }),
        log: (fields) => clean(fields, 0) as Record<string, unknown>,
      },
      serializers: { err: stdSerializers.err, error: stdSerializers.err },
    },
    target,
  )
}

function standardOutput(): DestinationStream {
  if (!process.stdout.isTTY) return pino.destination({ dest: 1, sync: false })
  return PinoPretty({ messageKey: 'event', translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname', sync: true })
}

/** What may be written of a value: plain data of bounded depth and length, without secrets and bodies. */
function clean(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value
  if (Buffer.isBuffer(value)) return `(${value.length} octets)`
  if (value === null || typeof value !== 'object' || value instanceof Error) return value
  if (depth >= MAX_DEPTH) return '(deeper)'
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => clean(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => {
      if (SECRET.test(key)) return []
      if (BODY.test(key)) return [[key, size(item)]]
      return [[key, clean(item, depth + 1)]]
    }),
  )
}

/** Instead of a body, its length. */
function size(value: unknown): string {
  if (typeof value === 'string') return `(${Buffer.byteLength(value)} octets)`
  if (Buffer.isBuffer(value)) return `(${value.length} octets)`
  return '(left out)'
}
