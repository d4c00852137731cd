import type { GroupsConfig } from '../../config/groups.js'
import type { InterworkingPolicies } from '../../config/schema.js'
import type { UserDirectory } from '../../core/port.js'
import type { Clock } from '../../cpm/clock.js'
import type { Uri } from '../../cpm/ids.js'
import type { Acceptance } from '../../interworking/acceptance.js'
import { DELIVERY_HOLD_MS } from '../../interworking/work.js'
import type { LaneConsumer, Spool } from '../../spool/spool.js'
import type { Deliver } from '../delivery.js'
import type { ControllingFunction } from '../port.js'
import { createGroupAcceptance } from './acceptance.js'
import { createCopies } from './copies.js'
import { createGroups } from './groups.js'
import { createMembership } from './membership.js'
import { createStoredMessages } from './messages.js'
import { createNotify } from './notify.js'
import type { GroupRecorder } from './recorder.js'
import { createResults } from './results.js'
import {
  COPY_LANE,
  type CopyWork,
  FAN_OUT_LANE,
  type FanOutWork,
  type GroupNotifyWork,
  NOTIFY_LANE,
  RESULT_LANE,
  type ResultWork,
} from './work.js'

export interface ControllingOptions {
  readonly config: {
    readonly domain: string
    readonly defaultCountry?: string | undefined
    readonly groups: GroupsConfig
  }
  readonly spool: Spool
  /** The terminating function, for copies to CPM users and notifications to senders. */
  readonly deliver: Deliver
  readonly interworking: Pick<Acceptance, 'accept'>
  /** The users of the embedded core; absent with an external one. */
  readonly directory: UserDirectory | undefined
  readonly policies: Pick<InterworkingPolicies, 'maxLife' | 'receiptWait' | 'retry'>
  /** SIP requests under way at once. */
  readonly parallel: number
  readonly recorder: GroupRecorder
  readonly clock: Clock
}

export interface ControllingService extends ControllingFunction {
  /** Whether somebody may write to this address, as far as it is a group's (`MSG-11`). */
  mayWrite(address: Uri, sender: Uri): boolean
  /** A user has become reachable: what waits for him is tried now. */
  reachable(user: Uri): Promise<void>
  start(): void
  stop(deadline: AbortSignal): Promise<void>
}

/** The controlling function for messages, wired (`MSG-10` to `MSG-14`). */
export function createControlling(options: ControllingOptions): ControllingService {
  const { config, spool, deliver, interworking, directory, policies, recorder, clock } = options
  const { domain, defaultCountry } = config
  const groups = createGroups(config.groups, { domain, ...(defaultCountry === undefined ? {} : { defaultCountry }) })
  const membership = createMembership(groups, directory)
  const stored = createStoredMessages(spool.notes)
  const { retry } = policies
  const copies = createCopies({ stored, deliver, interworking, directory, retry, recorder, clock })
  const results = createResults({ spool, stored, directory, clock })
  const notify = createNotify({ deliver, retry, recorder })
  const consumers: LaneConsumer[] = []

  return {
    hosts: groups.hosts,
    accept: createGroupAcceptance({ groups, membership, directory, spool, stored, policies, recorder, clock }),
    notified: results.notified,
    mayWrite(address, sender) {
      const group = groups.find(address)
      return group === undefined || membership.maySend(group, { uri: sender, addresses: [sender] })
    },
    async reachable(user) {
      await Promise.all([COPY_LANE, NOTIFY_LANE].map((lane) => spool.hurry(lane, `${user}|`)))
    },
    start() {
      const take = { parallel: () => options.parallel, holdMs: DELIVERY_HOLD_MS }
      const giveUp = (_: unknown, reason: string) => ({ kind: 'failed', reason }) as const
      consumers.push(
        spool.take<FanOutWork>(FAN_OUT_LANE, take, copies.fanOut, ({ payload }, reason) =>
          copies.lost(payload, reason),
        ),
        spool.take<CopyWork>(COPY_LANE, take, copies.attempt, ({ payload }, reason) =>
          copies.poisoned(payload, reason),
        ),
        spool.take<ResultWork>(RESULT_LANE, take, results.handle, giveUp),
        spool.take<GroupNotifyWork>(NOTIFY_LANE, take, notify, giveUp),
      )
    },
    async stop(deadline) {
      await Promise.all(consumers.map((consumer) => consumer.stop(deadline)))
    },
  }
}
