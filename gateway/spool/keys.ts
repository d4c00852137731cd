/**
 * Names of everything the spool keeps. The prefix carries the hash tag, so that all keys share one slot of a Redis
 * Cluster and a script may touch any of them.
 *
 * | key | holds |
 * |---|---|
 * | `lane:<lane>` | stream of items (`i` item as JSON, `x` expiresAt), consumer group `g`, one consumer per node |
 * | `lanes` | set of lane names ever used |
 * | `seen:<id>` | the id was put before |
 * | `waiting:<lane>` | sorted set (all of score 0) of `<item id> NUL <job>` that lie in BullMQ |
 * | `back:<job>` | the waiting item has left BullMQ; whoever sets it first takes the item |
 * | `sent:<scope>:<key>`, `named:<name>` | by the service's name of a part: a message whose reports are awaited; with several names, where it lies |
 * | `record:<id>` | by the identity (as JSON) of such a message: where it lies |
 * | `park:<scope>:<key>`, `parked:<scope>` | reports that came before their message, and their bound by number and age |
 * | `failed` | stream of failed items, bounded |
 * | `note:<key>` | facts of the caller |
 * | `box:<owner>:…`, `boxes:expiry` | what is kept for somebody until he can be reached, and when each entry ends |
 * | `content:<id>`, `contents`, `contents:sizes` | what is fetched by a link, when each ends, and how much it is |
 * | `reminders` | sorted set of `<kind>:<subject>` by the time when somebody has to look |
 * | `announcements` | channel: words from node to node |
 * | `alive:<node>` | the node lives |
 * | `bull:…` | BullMQ |
 */
export const GROUP = 'g'

export interface Keys {
  lane(lane: string): string
  waiting(lane: string): string
  note(key: string): string
  alive(node: string): string
  back(job: string): string
  readonly lanes: string
  readonly failed: string
}

export const keysOf = (prefix: string): Keys => ({
  lane: (lane) => `${prefix}:lane:${lane}`,
  waiting: (lane) => `${prefix}:waiting:${lane}`,
  note: (key) => `${prefix}:note:${key}`,
  back: (job) => `${prefix}:back:${job}`,
  alive: (node) => `${prefix}:alive:${node}`,
  lanes: `${prefix}:lanes`,
  failed: `${prefix}:failed`,
})
