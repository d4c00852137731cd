import type { FastifyInstance, FastifyReply } from 'fastify'
import { preferencesSchema } from '../config/preferences.js'
import type { PreferenceStore } from '../conversation/port.js'
import type { Uri } from '../cpm/ids.js'
import type { UserPreferences } from '../xdm/user-preferences.js'

export interface UserAdministration {
  /** Canonical addresses of the users that the configuration names. */
  readonly known: readonly Uri[]
  /** The user whose address (in any spelling) it is, by his canonical one; undefined when he is none of ours. */
  readonly owner: (address: string) => Uri | undefined
  readonly documents: UserPreferences
  readonly preferences: PreferenceStore
}

interface OfUser {
  readonly Params: { readonly address: string }
}

/** Preferences of users for the operator: what they state, and what comes of it with the provider's defaults and limits. */
export function userRoutes(admin: FastifyInstance, { known, owner, documents, preferences }: UserAdministration): void {
  admin.get('/users', async () => ({ users: known }))
  admin.get<OfUser>('/users/:address/preferences', async ({ params }, reply) => {
    const user = owner(params.address)
    if (!user) return unknown(reply)
    const { unavailable, waiting, services, reports, copies, history } = await preferences.of(user)
    return {
      user,
      stated: (await documents.read(user)) ?? {},
      holds: { unavailable, waiting, reports, copies, history, ...(services && { services }) },
    }
  })
  admin.put<OfUser>('/users/:address/preferences', async ({ params, body }, reply) => {
    const user = owner(params.address)
    if (!user) return unknown(reply)
    const parsed = preferencesSchema.safeParse(body)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      return reply
        .code(400)
        .send({ error: [issue?.path.join('.'), issue?.message ?? 'not as expected'].filter(Boolean).join(': ') })
    }
    await documents.write(user, parsed.data)
    return reply.code(204).send()
  })
  admin.delete<OfUser>('/users/:address/preferences', async ({ params }, reply) => {
    const user = owner(params.address)
    if (!user) return unknown(reply)
    await documents.remove(user)
    return reply.code(204).send()
  })
}

const unknown = (reply: FastifyReply): FastifyReply => reply.code(404).send({ error: 'no such user' })
