import { z } from 'zod'
import { duration } from './units.js'

const describe = <T extends z.ZodType>(schema: T, description: string): T => schema.meta({ description }) as T

/** Presence of CPM users, and of those in other services. */
export const presenceSchema = z.strictObject({
  server: describe(
    z
      .union([
        z.literal('embedded'),
        z.string().regex(/^sips?:[^\s<>"]+$/i, 'expected embedded or a SIP URI, e.g. sip:presence.cpm.example'),
      ])
      .default('embedded'),
    'embedded, or the SIP URI of the presence server to use; then the gateway only carries presence between it and other services.',
  ),
  withoutRules: describe(
    z.enum(['block', 'confirm', 'polite-block', 'allow']).default('confirm'),
    'What watchers of a user get who has stated no rules (RFC 5025): nothing, nothing until he decides, a closed state, or his presence.',
  ),
  registered: describe(
    z.enum(['ignore', 'open']).default('ignore'),
    'Whether a user counts as there (open) while a device of his is registered and none has published anything. Embedded core only.',
  ),
  minExpires: describe(duration().default(60_000), 'Shortest subscription or publication taken; shorter ones get 423.'),
  maxExpires: describe(duration().default(86_400_000), 'Longest subscription or publication granted.'),
  notifyInterval: describe(
    duration().default(5_000),
    'Shortest time between two notifications of one watcher; changes in between travel together.',
  ),
  maxWatchers: describe(
    z.int().min(1).max(10_000).default(500),
    'Subscriptions to the presence of one user at most, and as many from other services and lists.',
  ),
  maxEachWatcher: describe(
    z.int().min(1).max(1_000).default(20),
    'Subscriptions of one watcher to the presence of one user at most: one for each of his devices. More get 503.',
  ),
  maxRequests: describe(
    z.int().min(1).max(100_000).default(600),
    'SUBSCRIBE requests of one watcher in a minute at most. More get 503 with Retry-After.',
  ),
  refresh: describe(
    duration().default(3_600_000),
    'How often a service is asked again for the presence of those who are watched there.',
  ),
})

export type PresenceConfig = z.output<typeof presenceSchema>
