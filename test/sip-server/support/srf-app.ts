import { EventEmitter } from 'node:events'
import Srf from 'drachtio-srf'

/** What these tests use of drachtio-srf, whose own type declarations leave most of it out. */
export interface SrfApp extends EventEmitter {
  connect(options: { host: string; port: number; secret: string }): void
  disconnect(): void
  message(handler: SrfHandler): void
  register(handler: SrfHandler): void
  options(handler: SrfHandler): void
  request(uri: string, options: SrfRequestOptions, done: (error: Error | null, request?: EventEmitter) => void): void
  request(uri: string, options: SrfRequestOptions): Promise<EventEmitter>
}

export type SrfHandler = (
  request: { readonly body: string; get(name: string): string | undefined },
  response: { send(status: number, options?: { headers: Record<string, string> }): void },
) => void

export interface SrfRequestOptions {
  method: string
  headers?: Record<string, string>
  body?: string
  auth?: { username: string; password: string }
}

export function newSrf(): SrfApp {
  const app: unknown = new Srf()
  if (!isSrfApp(app)) throw new Error('not a drachtio-srf application')
  return app
}

function isSrfApp(value: unknown): value is SrfApp {
  return value instanceof EventEmitter && 'message' in value && 'request' in value
}
