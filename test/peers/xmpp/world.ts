import type {
  ComposingState,
  Participant,
  SessionAnswer,
  SessionInvitation,
  SessionMessage,
  SessionSaid,
  SessionSide,
  WatchState,
} from '../../../adapters/contract/index.js'
import type { ContentLinks } from '../../../adapters/contract/links.js'
import xmppModule from '../../../adapters/im-xmpp/index.js'
import type { MessageId, Uri } from '../../../gateway/cpm/ids.js'
import { type Inbox, inbox } from '../../../scripts/rig/inbox.js'
import { type Rig, type RigSettings, startRig } from '../../contract-kit/rig.js'

/** What CPM's side of a session was told. */
export type SideEvent =
  | { readonly kind: 'said'; readonly message: SessionMessage }
  | { readonly kind: 'composing'; readonly from: Participant; readonly state: ComposingState }
  | { readonly kind: 'report'; readonly messageId: MessageId; readonly state: string }
  | { readonly kind: 'joined' | 'left'; readonly who: Participant }
  | { readonly kind: 'leave'; readonly reason?: string }

export interface RecordingSide extends SessionSide {
  readonly events: Inbox<SideEvent>
  answer: SessionSaid
}

/** CPM's side of a session: takes everything, and tells. */
export function recordingSide(): RecordingSide {
  const events = inbox<SideEvent>((event) => JSON.stringify(event))
  const side: RecordingSide = {
    events,
    answer: { kind: 'taken' },
    async say(message) {
      events.push({ kind: 'said', message })
      return side.answer
    },
    composing: (from, state) => events.push({ kind: 'composing', from, state }),
    report: (messageId, _, state) => events.push({ kind: 'report', messageId, state }),
    joined: (who) => events.push({ kind: 'joined', who }),
    left: (who) => events.push({ kind: 'left', who }),
    async leave(reason) {
      events.push({ kind: 'leave', ...(reason === undefined ? {} : { reason }) })
    },
  }
  return side
}

export type PresenceEvent =
  | { readonly kind: 'changed'; readonly presentity: Uri; readonly watcher: Uri; readonly state: WatchState }
  | { readonly kind: 'requested' | 'ended'; readonly watcher: Uri; readonly presentity: Uri }

export interface Invited {
  readonly invitation: SessionInvitation
  readonly theirs: SessionSide
}

/** The adapter between a gateway that records and a server, sessions and presence included. */
export interface World extends Rig {
  readonly presence: Inbox<PresenceEvent>
  readonly invitations: Inbox<Invited>
  /** What invitations of the service are answered from now on. */
  answerInvitations(answer: (invited: Invited) => Promise<SessionAnswer>): void
}

export async function startWorld(
  options: unknown,
  settings: Pick<RigSettings, 'clock' | 'store' | 'gateway'> & { readonly links?: ContentLinks } = {},
): Promise<World> {
  const presence = inbox<PresenceEvent>((event) => JSON.stringify(event))
  const invitations = inbox<Invited>(({ invitation }) => JSON.stringify(invitation))
  let answer = async (_: Invited): Promise<SessionAnswer> => ({ kind: 'accepted', side: recordingSide() })
  const rig = await startRig(xmppModule, options, {
    ...settings,
    offers: {
      ...(settings.links && { links: settings.links }),
      presence: {
        presenceChanged: async (presentity, watcher, state) =>
          presence.push({ kind: 'changed', presentity, watcher, state }),
        watchRequested: async (watcher, presentity) => presence.push({ kind: 'requested', watcher, presentity }),
        watchEnded: async (watcher, presentity) => presence.push({ kind: 'ended', watcher, presentity }),
      },
      receiveInvitation(invitation, theirs) {
        invitations.push({ invitation, theirs })
        return answer({ invitation, theirs })
      },
    },
  })
  return {
    ...rig,
    presence,
    invitations,
    answerInvitations(next) {
      answer = next
    },
  }
}
