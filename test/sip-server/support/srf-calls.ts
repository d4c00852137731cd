import { EventEmitter } from 'node:events'
import Srf from 'drachtio-srf'
import { type Harness, SECRET } from './harness.js'

/** What the tests of calls use of drachtio-srf. */
export interface CallApp extends EventEmitter {
  connect(options: { host: string; port: number; secret: string }): void
  disconnect(): void
  invite(handler: CallHandler): void
  subscribe(handler: CallHandler): void
  refer(handler: CallHandler): void
  options(handler: CallHandler): void
  notify(handler: CallHandler): void
  use(verb: string, handler: (...parts: never[]) => void): void
  createUAS(request: CallRequest, response: CallResponse, options?: CallOptions): Promise<CallDialog>
  createUAC(uri: string, options?: CallOptions, events?: CallEvents): Promise<CallDialog>
  createB2BUA(
    request: CallRequest,
    response: CallResponse,
    uri: string,
    options?: CallOptions,
  ): Promise<{ uas: CallDialog; uac: CallDialog }>
  request(uri: string, options: CallOptions, done: (error: Error | null, request?: CallRequest) => void): void
}

export type CallHandler = (request: CallRequest, response: CallResponse) => void

export interface CallOptions {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly localSdp?: string
  readonly localSdpA?: string
  readonly body?: string
  readonly proxy?: string
  readonly auth?: { username: string; password: string }
  readonly noAck?: boolean
}

export interface CallEvents {
  cbRequest?(error: Error | null, request: CallRequest): void
  cbProvisional?(response: { readonly status: number }): void
}

export interface CallRequest extends EventEmitter {
  readonly method: string
  readonly body: string
  get(name: string): string | undefined
  cancel(done?: (error: Error | null) => void): void
}

export interface CallResponse extends EventEmitter {
  readonly status: number
  readonly body: string
  get(name: string): string | undefined
  send(status: number, options?: CallOptions, done?: (error: unknown, sent?: unknown) => void): void
  send(status: number, done?: (error: unknown, sent?: unknown) => void): void
}

export interface CallDialog extends EventEmitter {
  readonly id: string
  readonly remote: { readonly sdp: string }
  destroy(options?: CallOptions): Promise<unknown>
  modify(sdp: string): Promise<string>
  request(options: CallOptions): Promise<CallResponse>
}

/** Connects an application of drachtio-srf with handlers, whose routes are in force when it resolves. */
export async function openApp(
  { server }: Pick<Harness, 'server'>,
  prepare: (app: CallApp) => void = () => {},
): Promise<CallApp> {
  const app: unknown = new Srf()
  if (!isCallApp(app)) throw new Error('not a drachtio-srf application')
  prepare(app)
  const connected = new Promise<void>((resolve, reject) =>
    app.once('connect', (error: Error | null) => (error ? reject(error) : resolve())),
  )
  app.connect({ host: '127.0.0.1', port: server.control.port, secret: SECRET })
  await connected
  // Commands are answered in order, so the routes sent before this one are in force.
  await new Promise<void>((resolve) => {
    app.request('sips:x@127.0.0.1', { method: 'OPTIONS' }, (_error, request) =>
      request?.once('response', () => resolve()),
    )
  })
  return app
}

function isCallApp(value: unknown): value is CallApp {
  return value instanceof EventEmitter && 'createUAS' in value && 'createUAC' in value
}

/** The next time something says an event, with its arguments. */
export function heard(emitter: EventEmitter, event: string): Promise<unknown[]> {
  return new Promise((resolve) => emitter.once(event, (...parts: unknown[]) => resolve(parts)))
}
