export type * from './adapter.js'
export type * from './messages.js'
export type * from './outcome.js'
export type * from './store.js'
