import type { Recall } from '../../gateway/interworking/recall.js'

/** A gateway that has no message of that name. */
export const noRecall: Recall = {
  cancel: async () => ({ outcome: 'unknown', where: 'none', said: '' }),
  replace: async () => ({ outcome: 'unknown', where: 'none', said: '' }),
}
