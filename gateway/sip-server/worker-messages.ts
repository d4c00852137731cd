import type { SipServerOptions, SipServerStats } from './options.js'

/** What the worker is started with; functions do not travel. */
export type WorkerOptions = Omit<SipServerOptions, 'onExit'>

export type ToWorker = { readonly kind: 'stats'; readonly id: number } | { readonly kind: 'stop' }

export type FromWorker =
  | {
      readonly kind: 'started'
      readonly control: { readonly host: string; readonly port: number }
      readonly listening: readonly string[]
    }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'stats'; readonly id: number; readonly stats: SipServerStats }
