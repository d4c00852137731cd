import type { Logger } from 'pino'
import type { Uri } from '../cpm/ids.js'
import type { Reminders } from '../spool/reminders.js'
import type { RegistrarService } from './registrar.js'

const KIND = 'registration'

/** Sees to it that the end of a binding's life is noticed when it comes, on some node, also after a restart (`REG-02`). */
export function watchExpiry(registrar: RegistrarService, reminders: Reminders, log: Logger): void {
  registrar.onChanged(({ user, bindings }) => {
    if (bindings.length === 0) return
    reminders
      .set(KIND, user.uri, Math.min(...bindings.map(({ expiresAt }) => expiresAt)))
      .catch((error: unknown) =>
        log.warn({ user: user.uri, err: error }, 'the end of a registration will be noticed late'),
      )
  })
  reminders.on(KIND, (user) => registrar.expire(user as Uri))
}
