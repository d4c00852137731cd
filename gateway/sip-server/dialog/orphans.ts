import type { Clock } from '../../cpm/clock.js'
import type { ControlClient } from '../control/control-client.js'
import { TRANSACTION_MS } from '../transaction/timers.js'
import { setTimer } from './dialog.js'
import type { DialogSender } from './dialog-sender.js'
import type { DialogTable } from './dialog-table.js'

/** Time for another client to take a dialog over by using it. */
const GRACE_MS = TRANSACTION_MS

/**
 * Dialogs of a client that is lost: a call is ended by BYE after a time of grace. A subscription is forgotten; the peer
 * learns that from the 481 to its next request.
 */
export function orphan(client: ControlClient, dialogs: DialogTable, sender: DialogSender, clock: Clock): void {
  for (const dialog of dialogs.ownedBy(client)) {
    const due = () => {
      if (dialog.owner.connected) return
      if (dialog.usage === 'invite' && dialog.state === 'confirmed') sender.bye(dialog, 'client lost')
      else dialogs.end(dialog)
    }
    setTimer(dialog, 'orphan', clock.after(GRACE_MS, due))
  }
}
