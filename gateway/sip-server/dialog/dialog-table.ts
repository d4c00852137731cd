import type { ControlClient } from '../control/control-client.js'
import { type Dialog, wireKey } from './dialog.js'

/** Dialogs at once, some 2 KB each; above it no new ones are begun. */
const MAX_DIALOGS = 250_000

/** All dialogs, found by what peers say and by what clients say. */
export class DialogTable {
  readonly #byWire = new Map<string, Dialog>()
  readonly #byId = new Map<string, Dialog>()

  get size(): number {
    return this.#byWire.size
  }

  get full(): boolean {
    return this.#byWire.size >= MAX_DIALOGS
  }

  /** Adds a dialog, or shows one again whose state allows clients to use it now. */
  put(dialog: Dialog): void {
    this.#byWire.set(wireKey(dialog.callId, dialog.localTag, dialog.remoteTag), dialog)
    if (dialog.state === 'reliable' || dialog.state === 'confirmed') this.#byId.set(dialog.id, dialog)
  }

  /** The dialog a client means. */
  find(id: string): Dialog | undefined {
    return this.#byId.get(id)
  }

  /** The dialog a peer means. */
  match(callId: string, localTag: string, remoteTag: string): Dialog | undefined {
    return this.#byWire.get(wireKey(callId, localTag, remoteTag))
  }

  ownedBy(client: ControlClient): Dialog[] {
    return [...this.#byWire.values()].filter(({ owner }) => owner === client)
  }

  /** Ends a dialog; false if it had ended before. */
  end(dialog: Dialog): boolean {
    if (dialog.state === 'ended') return false
    dialog.state = 'ended'
    for (const cancel of dialog.timers.values()) cancel()
    dialog.timers.clear()
    const key = wireKey(dialog.callId, dialog.localTag, dialog.remoteTag)
    if (this.#byWire.get(key) === dialog) this.#byWire.delete(key)
    if (this.#byId.get(dialog.id) === dialog) this.#byId.delete(dialog.id)
    endAwaiting(dialog)
    return true
  }

  clear(): void {
    for (const dialog of [...this.#byWire.values()]) this.end(dialog)
  }
}

/** The ACK has come, or does not matter any more. */
export function endAwaiting(dialog: Dialog): void {
  const { awaitedAck } = dialog
  dialog.awaitedAck = undefined
  if (awaitedAck?.from !== 'peer') return
  awaitedAck.stopRepeating()
  for (const run of awaitedAck.waiting) run()
}
