import { z } from 'zod'
import { withoutSessions } from './session-interworking.js'
import { duration, size } from './units.js'

const describe = <T extends z.ZodType>(schema: T, description: string): T => schema.meta({ description }) as T
const uri = z.string().regex(/^[a-z][a-z0-9+.-]*:[^\s]+$/i, 'expected an absolute URI')
const serviceName = z.string().regex(/^[a-z0-9-]{1,32}$/, 'expected the identifier of a service')

/**
 * What a user decides about messages for him (`GAP-03`): the same keys in the configuration, in his XCAP document and in
 * `causeway user`. What he leaves open is decided by `conversation.defaults`.
 */
export const preferencesSchema = z.strictObject({
  unavailable: describe(
    z.enum(['discard', 'defer', 'store', 'interwork']).optional(),
    'What becomes of a message when no device of his can be reached: discard (with a notification), defer (kept and delivered later), store (kept until he fetches it), interwork (sent on to another service).',
  ),
  waiting: describe(
    z.enum(['push', 'notify']).optional(),
    'How deferred messages reach him: pushed when a device registers, or announced, to be fetched.',
  ),
  services: describe(
    z
      .array(
        z.strictObject({
          service: describe(serviceName, 'Identifier of a service.'),
          address: describe(uri.optional(), 'His address there; default: the one the message was sent to.'),
        }),
      )
      .max(16)
      .optional(),
    'Services that messages for him may be sent on to, in his order; default: those of the provider.',
  ),
  reports: describe(
    z
      .strictObject({
        delivered: describe(z.boolean().optional(), 'Senders are told that he has got a message.'),
        displayed: describe(z.boolean().optional(), 'Senders are told that he has read a message.'),
      })
      .optional(),
    'Which reports about him go out.',
  ),
  blocked: describe(
    z.array(uri).max(1000).optional(),
    'Senders from whom he takes nothing: addresses, or sip:*@domain for a whole domain.',
  ),
  copies: describe(
    z.boolean().optional(),
    'Notifications about his messages go to all his devices, and not only to the one that sent the message.',
  ),
  history: describe(
    z.boolean().optional(),
    'Messages he sends and gets are kept for him to read again, if the provider offers it.',
  ),
  sessions: describe(
    withoutSessions.optional(),
    'Invitations to sessions that reach him by a service without sessions: accepted for him, rejected, or he is asked by a message (CPM-IWF-008).',
  ),
  devices: describe(
    z
      .array(z.string().regex(/^urn:[^\s<>"]+$/i, 'expected the URN of a device (+sip.instance)'))
      .max(100)
      .optional(),
    'Devices (+sip.instance) that get no messages.',
  ),
})

export type PreferencesDocument = z.output<typeof preferencesSchema>

/** Provider's answers to what users leave open, and his limits on what they choose. */
export const conversationSchema = z.strictObject({
  defaults: describe(
    preferencesSchema.prefault({}),
    'What holds for users who have said nothing else; left open here: unavailable defer, waiting push, all reports, copies off.',
  ),
  allowed: describe(
    z
      .array(z.enum(['discard', 'defer', 'store', 'interwork']))
      .min(1)
      .default(['discard', 'defer', 'store', 'interwork']),
    'What users may choose for unavailable; another choice counts as the first one here (IW-11).',
  ),
  deferred: z
    .strictObject({
      maxLife: describe(
        duration().default(604_800_000),
        'A deferred message is kept no longer than this, whatever its sender asked (CPM-DEF-002).',
      ),
      atExpiry: describe(
        z.enum(['discard', 'keep', 'extend']).default('discard'),
        'What becomes of a deferred message at its end of life: discarded with a notification, kept for fetching, or its life extended once (CPM-DEF-003).',
      ),
      remind: describe(
        duration().optional(),
        'A user who has been told of waiting messages is told again at this interval until none is left (CPM-CONV-008); default: once.',
      ),
      extension: describe(duration().default(86_400_000), 'By how much a life is extended.'),
      maxMessages: describe(
        z.int().min(1).max(1_000_000).default(20_000),
        'Messages kept for one user at most; a further one is refused.',
      ),
      maxBytes: describe(
        size().default(104_857_600),
        'Octets kept for one user at most; a message beyond them is refused.',
      ),
    })
    .prefault({}),
  history: z
    .strictObject({
      offered: describe(
        z.boolean().default(false),
        'Users may have their messages kept for them (GAP-01): preference history, readable at /history.',
      ),
      maxMessages: describe(
        z.int().min(1).max(100_000).default(5_000),
        'Messages kept for one user at most; the oldest go first.',
      ),
      maxAge: describe(duration().default(7_776_000_000), 'Age at which a message goes.'),
    })
    .prefault({}),
  reports: z
    .strictObject({
      forbidden: describe(
        z.boolean().default(false),
        'A report that the recipient does not allow goes out as `forbidden` instead of being dropped (IMDN-09).',
      ),
      devices: describe(
        z.enum(['first', 'priority']).default('first'),
        'Which device speaks for a recipient with several: the first that reports, or the one that registered with the highest q (IMDN-05).',
      ),
      wait: describe(
        duration().default(10_000),
        'With priority: how long the report of another device waits for that of the device with the highest q.',
      ),
      remember: describe(
        duration().default(604_800_000),
        'How long it is remembered which kinds of notification a recipient has given for a message.',
      ),
    })
    .prefault({}),
  senders: z
    .strictObject({
      barred: describe(
        z.array(uri).default([]),
        'Users who may send no messages, by any of their addresses, or sip:*@domain for a whole domain; they get 403 (MSG-05).',
      ),
      media: describe(
        z.array(z.string()).optional(),
        'Media types that users may send, e.g. text/plain or image/*; others get 415. Default: all.',
      ),
      maxBytes: describe(
        size().optional(),
        'Largest content a user may send, octets; larger ones get 413. Default: what sip.maxMessage leaves.',
      ),
    })
    .prefault({}),
  identities: describe(
    z.enum(['add', 'refuse']).default('add'),
    'A message with Conversation-ID and without Contribution-ID gets one, or 400 (CONV-07).',
  ),
  noCpm: describe(
    z.enum(['interwork', 'return']).default('interwork'),
    'Originating side, the far network has no CPM: send the message on to another service, or return the error (IW-20).',
  ),
  noCore: describe(
    z.enum(['interwork', 'return']).default('interwork'),
    'Originating side, the far network cannot be reached over SIP: send the message on to another service, or return the error (IW-27).',
  ),
  unroutable: describe(
    z.enum(['interwork', 'refuse']).default('interwork'),
    'A target whose scheme SIP cannot route (wv:, mailto:, xmpp:): send the message on to another service, or refuse it with 416 (IW-33).',
  ),
})

export type ConversationPolicies = z.output<typeof conversationSchema>
