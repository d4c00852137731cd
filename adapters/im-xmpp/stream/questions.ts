import { randomBytes } from 'node:crypto'
import type { Clock } from '../../../gateway/cpm/clock.js'
import type { XmlElement } from '../../../gateway/cpm/xml.js'

/** Requests (`iq`) of ours that wait for their answer. */
export interface Questions {
  /** Without an id: too many wait. */
  put(to: string): { readonly id: string | undefined; readonly answer: Promise<XmlElement | undefined> }
  /** Takes an answer that comes from where the question went; others are passed over. */
  answer(id: string, from: string, element: XmlElement): void
  drain(): void
}

const QUESTIONS = 1000

export function createQuestions(clock: Clock, answerMs: number): Questions {
  const waiting = new Map<string, { readonly to: string; readonly settle: (element: XmlElement | undefined) => void }>()
  return {
    put(to) {
      if (waiting.size >= QUESTIONS) return { id: undefined, answer: Promise.resolve(undefined) }
      const id = randomBytes(9).toString('base64url')
      const answer = new Promise<XmlElement | undefined>((resolve) => {
        const settle = (element: XmlElement | undefined) => {
          waiting.delete(id)
          cancel()
          resolve(element)
        }
        const cancel = clock.after(answerMs, () => settle(undefined))
        waiting.set(id, { to, settle })
      })
      return { id, answer }
    },
    answer(id, from, element) {
      const question = waiting.get(id)
      if (question?.to === from) question.settle(element)
    },
    drain() {
      for (const { settle } of [...waiting.values()]) settle(undefined)
    },
  }
}
