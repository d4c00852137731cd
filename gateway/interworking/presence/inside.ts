import type { Uri } from '../../cpm/ids.js'
import type { HomePresence, Told } from '../../presence/port.js'
import type { NoteStore } from '../../spool/spool.js'
import type { Recipients } from '../recipient.js'
import type { Service, Services } from '../service.js'

export interface InsideOptions {
  readonly services: Services
  readonly recipients: Recipients
  readonly isGroup: (address: Uri) => boolean
  readonly home: HomePresence
  readonly notes: NoteStore
}

/** What a service asks of us. All of it rejects with SpoolUnavailable. */
export interface Inside {
  watchRequested(service: Service, watcherThere: Uri, presentityThere: Uri, expiresAt?: number): Promise<void>
  watchEnded(service: Service, watcherThere: Uri, presentityThere: Uri): Promise<void>
}

const LIFE_MS = 400 * 86_400_000

/**
 * Users of other services watch CPM users (`PRES-03`, `PRES-04`, `CPM-IWF-014`), as the CPM user lets them: his rules decide
 * about them as about anybody.
 */
export function createInside({ services, recipients, isGroup, home, notes }: InsideOptions): Inside {
  const noteKey = (service: string, watcher: Uri, presentity: Uri): string =>
    `inside:${service}|${watcher}|${presentity}`

  home.onTold(async ({ presentity, watcher, via, state }: Told) => {
    const dialled = await notes.get(noteKey(via, watcher, presentity))
    const port = services.get(via as Service['id'])?.adapter.presence
    if (dialled === undefined || !port) return
    await port.notify(dialled as Uri, watcher, state)
  })

  return {
    async watchRequested(service, watcher, dialled, expiresAt) {
      const presentity = await recipients.behind(service, dialled, watcher)
      if (presentity === undefined || isGroup(presentity)) {
        await service.adapter.presence?.notify(dialled, watcher, { kind: 'ended', reason: 'unknown-recipient' })
        return
      }
      // By which of his addresses the service knows him.
      await notes.put({ key: noteKey(service.id, watcher, presentity), value: dialled, lifeMs: LIFE_MS })
      await home.watch(watcher, presentity, service.id, expiresAt)
    },
    async watchEnded(service, watcher, dialled) {
      const presentity = await recipients.behind(service, dialled, watcher)
      if (presentity === undefined) return
      await home.unwatch(watcher, presentity, service.id)
      await notes.remove(noteKey(service.id, watcher, presentity))
    },
  }
}
