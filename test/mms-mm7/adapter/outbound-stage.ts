import { readFileSync } from 'node:fs'
import { afterEach } from 'vitest'
import type { SendOutcome } from '../../../adapters/contract/index.js'
import mmsModule from '../../../adapters/mms-mm7/index.js'
import { type Rig, type RigSettings, startRig } from '../../contract-kit/rig.js'
import { type Act, type ScriptedMmsc, scriptedMmsc } from '../scripted-mmsc.js'

/** The adapter on its way out, and MMSCs that answer as a test wants; all end with the test. */

/** Closed, the last first, when the test is over. */
export const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** Octets of an answer. */
export const answer = (file: string): Buffer => readFileSync(new URL(`../../vectors/mm7/${file}`, import.meta.url))
export const OK = answer('submit-01-text.rsp.http')

/** An answer without MM7; `header` ends with its line end. */
export const bare = (status: number, header = ''): Buffer =>
  Buffer.from(`HTTP/1.1 ${status} No\r\n${header}Content-Length: 0\r\n\r\n`)

export async function mmscFor(act: Act = OK, options?: Parameters<typeof scriptedMmsc>[1]): Promise<ScriptedMmsc> {
  const mmsc = await scriptedMmsc(act, options)
  closing.push(() => mmsc.close())
  return mmsc
}

export const TIMERS = { probe: '20ms', retryFirst: '10ms', retryMax: '20ms' }
export const account = (url: string, more: Record<string, unknown> = {}) => ({
  name: 'a',
  url,
  rate: 'unlimited',
  timers: TIMERS,
  ...more,
})

export async function rigFor(
  accounts: readonly unknown[],
  more: Record<string, unknown> = {},
  settings: RigSettings = {},
): Promise<Rig> {
  const rig = await startRig(mmsModule, { accounts, ...more }, settings)
  closing.push(() => rig.stop(AbortSignal.abort()))
  await rig.ready()
  return rig
}

export const said = (outcome: SendOutcome): string => ('said' in outcome ? outcome.said : '')
