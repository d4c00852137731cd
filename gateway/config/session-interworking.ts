import { z } from 'zod'
import { BUILT_IN_TEXTS, sessionTextsSchema } from './session-texts.js'
import { duration } from './units.js'

const describe = <T extends z.ZodType>(schema: T, description: string): T => schema.meta({ description }) as T

/** What becomes of an invitation to somebody whose service has no sessions (`CPM-IWF-008`). */
export const withoutSessions = z.enum(['accept', 'reject', 'ask'])
export type WithoutSessions = z.output<typeof withoutSessions>

const language = z.string().regex(/^[a-z]{2}$/, 'expected a language code of two small letters, e.g. en')

/** Sessions with users of other services, above all of those without sessions. */
export const sessionInterworkingSchema = z.strictObject({
  without: describe(
    withoutSessions.default('ask'),
    'A service without sessions: accept on the recipient’s behalf, reject, or ask him by a message whose answer counts. Each service may say otherwise (services.<id>.sessions).',
  ),
  allowed: describe(
    z.array(withoutSessions).min(1).default(['accept', 'reject', 'ask']),
    'What recipients may choose in their preference sessions; another choice counts as not made.',
  ),
  rejectWith: describe(z.union([z.literal(488), z.literal(603)]).default(488), 'SIP status of a rejection by policy.'),
  wait: describe(
    duration().default(600_000),
    'How long his answer is awaited, if the invitation is valid for so long; the inviter hears ringing meanwhile.',
  ),
  silence: describe(duration().default(3_600_000), 'A session in which nobody writes for so long is ended.'),
  linger: describe(
    duration().default(3_600_000),
    'How long after the end of a session its service number still stands for it: late answers are understood, and no other session gets the number towards him.',
  ),
  bundle: z
    .strictObject({
      window: describe(
        duration().default(10_000),
        'What is said within this time after a message to him is gathered into one. 0ms: each goes by itself.',
      ),
      maximum: describe(
        z.int().min(1).max(100_000).default(600),
        'Characters gathered at most; a message that goes beyond begins the next bundle, at once.',
      ),
    })
    .prefault({}),
  language: describe(language.default('en'), 'Language of texts where nothing else is said.'),
  languages: describe(
    z.record(z.string().regex(/^\+\d{1,15}$/, 'expected the beginning of a number, e.g. +49'), language).default({}),
    'Language by the beginning of his number, the longest that fits.',
  ),
  texts: describe(
    z.record(language, sessionTextsSchema).default({}),
    `Texts and words by language, instead of the built-in ones (${Object.keys(BUILT_IN_TEXTS).join(', ')}); what is left out of a new language is English.`,
  ),
})

export type SessionInterworkingConfig = z.output<typeof sessionInterworkingSchema>
