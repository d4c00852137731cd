import type { EventEmitter } from 'node:events'
import { expect } from 'vitest'
import type { Clock } from '../../../gateway/cpm/clock.js'
import type { SipServerOptions } from '../../../gateway/sip-server/server.js'
import { type Harness, SECRET, startHarness } from '../support/harness.js'
import { newSrf, type SrfApp } from '../support/srf-app.js'
import { readTranscript } from '../support/transcript.js'
import { UdpPeer } from '../support/udp-peer.js'

/** What drachtio-srf tells about a forwarded request. */
export interface ProxyResult {
  readonly connected: boolean
  readonly finalStatus?: number
  readonly responses: readonly { readonly port: number; readonly msgs: readonly { readonly status: number }[] }[]
}

export interface ProxyOptions {
  readonly recordRoute?: boolean
  readonly path?: boolean
  readonly followRedirects?: boolean
  readonly forking?: 'simultaneous' | 'sequential'
  readonly provisionalTimeout?: string
  readonly finalTimeout?: string
  readonly headers?: Readonly<Record<string, string>>
}

interface ProxyingApp extends SrfApp {
  proxyRequest(request: unknown, destination: readonly string[], options: ProxyOptions): Promise<ProxyResult>
}

/** A server with an application that forwards everything, a caller, and callees. */
export interface Stage extends Harness {
  readonly app: SrfApp
  readonly caller: UdpPeer
  readonly callees: readonly UdpPeer[]
  /** Result, or the reason of the refusal, of each request forwarded, in the order they came. */
  readonly results: ProxyResult[]
  readonly refusals: unknown[]
  /** Sends as the caller. */
  call(text: string): void
  /** Resolves when the application has heard of so many ends. */
  ended(count?: number): Promise<void>
}

export interface StageOptions {
  readonly callees?: number
  readonly clock?: Clock
  readonly proxy?: ProxyOptions
  /** Default: each callee, in order. */
  readonly destinations?: (callees: readonly UdpPeer[]) => readonly string[]
  readonly server?: Partial<SipServerOptions>
}

const METHODS = ['INVITE', 'MESSAGE', 'REGISTER', 'OPTIONS', 'SUBSCRIBE'] as const

export async function setStage(options: StageOptions = {}): Promise<Stage> {
  const harness = await startHarness(options.server, options.clock)
  const caller = await harness.peer()
  const callees: UdpPeer[] = []
  for (let count = options.callees ?? 1; count > 0; count--) callees.push(await harness.peer())
  const destinations = options.destinations?.(callees) ?? callees.map(({ port }) => `sip:bob@127.0.0.1:${port}`)
  const app = newSrf()
  if (!canProxy(app)) throw new Error('no proxyRequest')
  const results: ProxyResult[] = []
  const refusals: unknown[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  const told = () => {
    for (const { count, resolve } of waiting) if (results.length + refusals.length >= count) resolve()
  }
  for (const method of METHODS) {
    onMethod(app, method, (request) => {
      app
        .proxyRequest(request, [...destinations], { ...options.proxy })
        .then(
          (result) => void results.push(result),
          (reason) => void refusals.push(reason),
        )
        .then(told)
    })
  }
  app.connect({ host: '127.0.0.1', port: harness.server.control.port, secret: SECRET })
  await new Promise<void>((resolve) => app.once('connect', () => resolve()))
  await routed(app)
  return {
    ...harness,
    app,
    caller,
    callees,
    results,
    refusals,
    call: (text) => caller.send(text, harness.udpPort),
    ended: (count = 1) =>
      new Promise((resolve) => {
        waiting.push({ count, resolve })
        told()
      }),
    stop: async () => {
      app.disconnect()
      await harness.stop()
    },
  }
}

/** Start lines that a peer was sent, or the methods of requests, in a recording. */
export function recordedFor(name: string, peer: string): string[] {
  return readTranscript(name)
    .filter(({ channel, direction }) => channel === 'sip-udp' && direction === `server->${peer}`)
    .map(({ text }) => startOf(text))
}

/** Status line of a response, method of a request. */
export function startOf(text: string): string {
  const line = text.slice(0, text.indexOf('\r\n'))
  return line.startsWith('SIP/') ? line : line.slice(0, line.indexOf(' '))
}

/** Nothing has come to a peer that was not read: what is sent to it now is the next it reads. */
export async function hadNothing(peer: UdpPeer): Promise<void> {
  const probe = await UdpPeer.open()
  probe.send('end', peer.port)
  expect(await peer.receive()).toBe('end')
  probe.close()
}

/** Waits for what the wire does not show. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve))
}

function onMethod(app: ProxyingApp, method: string, handler: (request: EventEmitter) => void): void {
  const register: unknown = Reflect.get(app, method.toLowerCase())
  if (typeof register === 'function') register.call(app, handler)
}

/** Resolves when the routes of the application are in force: its commands are obeyed in order. */
function routed(app: SrfApp): Promise<void> {
  return new Promise((resolve) => app.request('sips:x@127.0.0.1', { method: 'OPTIONS' }, () => resolve()))
}

function canProxy(app: SrfApp): app is ProxyingApp {
  return 'proxyRequest' in app
}
