import type { Uri } from '../../cpm/ids.js'
import type { HomePresence, Told } from '../../presence/port.js'
import type { Recipients } from '../recipient.js'
import type { Service, Services } from '../service.js'

export interface InsideOptions {
  readonly services: Services
  readonly recipients: Recipients
  readonly isGroup: (address: Uri) => boolean
  readonly home: HomePresence
}

/** What a service asks of us. All of it rejects with SpoolUnavailable. */
export interface Inside {
  watchRequested(service: Service, watcherThere: Uri, presentityThere: Uri, expiresAt?: number): Promise<void>
  watchEnded(service: Service, watcherThere: Uri, presentityThere: Uri): Promise<void>
}

/** The way back to a watcher: his service, and by which of the user's addresses he knows him there. */
const viaOf = ({ id }: Service, dialled: Uri): string => `${id} ${dialled}`
const readVia = (via: string) => {
  const space = via.indexOf(' ')
  return { service: via.slice(0, space) as Service['id'], dialled: via.slice(space + 1) as Uri }
}

/**
 * Users of other services watch CPM users (`PRES-03`, `PRES-04`, `CPM-IWF-014`), as the CPM user lets them: his rules decide
 * about them as about anybody.
 */
export function createInside({ services, recipients, isGroup, home }: InsideOptions): Inside {
  home.onTold(async ({ watcher, via, state }: Told) => {
    const { service, dialled } = readVia(via)
    await services.get(service)?.adapter.presence?.notify(dialled, watcher, state)
  })

  return {
    async watchRequested(service, watcher, dialled, expiresAt) {
      const presentity = await recipients.behind(service, dialled, watcher)
      if (presentity === undefined || isGroup(presentity)) {
        await service.adapter.presence?.notify(dialled, watcher, { kind: 'ended', reason: 'unknown-recipient' })
        return
      }
      await home.watch(watcher, presentity, viaOf(service, dialled), expiresAt)
    },
    async watchEnded(service, watcher, dialled) {
      const presentity = await recipients.behind(service, dialled, watcher)
      if (presentity !== undefined) await home.unwatch(watcher, presentity, viaOf(service, dialled))
    },
  }
}
