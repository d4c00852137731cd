import type { History } from '../../gateway/conversation/history.js'

/** Nothing is kept for anybody. */
export const noHistory: History = {
  offered: false,
  sent: async () => {},
  received: async () => {},
  read: async () => ({ items: [] }),
  clear: async () => {},
}
