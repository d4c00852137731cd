import { isUtf8 } from 'node:buffer'
import type { Request, Response } from './message.js'
import { type Path, parsePath } from './uri.js'

export interface HeadLimits {
  /** Header fields of one message, the paths included. */
  readonly headers: number
  /** Octets of first line and headers together. */
  readonly headBytes: number
}

export const HEAD_LIMITS: HeadLimits = { headers: 40, headBytes: 16_384 }

/** A head that is wrong, of a message whose end can still be found. It can be answered when both paths are known. */
export interface BadHead {
  readonly kind: 'malformed'
  readonly transaction: string
  readonly method?: string
  readonly toPath?: Path
  readonly fromPath?: Path
  readonly said: string
}

export type Head =
  | { readonly kind: 'request'; readonly request: Request; readonly hasBody: boolean }
  | { readonly kind: 'response'; readonly response: Response }
  | BadHead

interface FirstLine {
  readonly transaction: string
  readonly method?: string
  readonly status?: number
  readonly phrase: string
}

/** Collects first line and headers, one line after the other (RFC 4975 §9). */
export class HeadReader {
  readonly #first: FirstLine
  readonly #headers: [string, string][] = []
  #toPath: Path | undefined
  #fromPath: Path | undefined
  #count = 0
  #fault: string | undefined

  private constructor(first: FirstLine) {
    this.#first = first
  }

  /** Undefined when the line begins no MSRP message: where the next one begins cannot be known then. */
  static begin(line: Buffer): HeadReader | undefined {
    const [, transaction, method, status, phrase = ''] =
      /^MSRP ([A-Za-z0-9][A-Za-z0-9.+%=-]{3,31}) (?:([A-Z]{1,32})|(\d{3})(?: ([^\0-\x08\x0a-\x1f\x7f]*))?)$/.exec(
        line.toString('utf8'),
      ) ?? []
    if (transaction === undefined) return undefined
    return new HeadReader({
      transaction,
      phrase,
      ...(method !== undefined && { method }),
      ...(status !== undefined && { status: Number(status) }),
    })
  }

  get transaction(): string {
    return this.#first.transaction
  }

  take(line: Buffer, limits: HeadLimits): void {
    const text = line.toString('utf8')
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):[ \t]*([^\0-\x08\x0a-\x1f\x7f]*)$/.exec(text) ?? []
    if (++this.#count > limits.headers) this.#wrong('too many headers')
    else if (name === undefined || value === undefined || !isUtf8(line)) this.#wrong('a header cannot be read')
    else if (this.#count === 1) this.#toPath = this.#path('To-Path', name, value)
    else if (this.#count === 2) this.#fromPath = this.#path('From-Path', name, value)
    else this.#headers.push([name, value.trimEnd()])
  }

  finish(hasBody: boolean): Head {
    const { transaction, method, status, phrase } = this.#first
    const [toPath, fromPath] = [this.#toPath, this.#fromPath]
    const typed = this.#headers.at(-1)?.[0].toLowerCase() === 'content-type'
    if (hasBody && !typed) this.#wrong('a body has to follow a Content-Type')
    if (hasBody && status !== undefined) this.#wrong('a response has no body')
    if (toPath === undefined || fromPath === undefined || this.#fault !== undefined) {
      return {
        kind: 'malformed',
        transaction,
        said: this.#fault ?? 'a path is missing',
        ...(method !== undefined && { method }),
        ...(toPath !== undefined && { toPath }),
        ...(fromPath !== undefined && { fromPath }),
      }
    }
    const common = { transaction, toPath, fromPath, headers: this.#headers }
    if (method !== undefined) return { kind: 'request', request: { ...common, method }, hasBody }
    return { kind: 'response', response: { ...common, status: status ?? 0, phrase } }
  }

  #path(due: string, name: string, value: string): Path | undefined {
    const path = name.toLowerCase() === due.toLowerCase() ? parsePath(value.trimEnd()) : undefined
    if (path === undefined) this.#wrong(`${due} has to stand here`)
    return path
  }

  #wrong(said: string): void {
    this.#fault ??= said
  }
}
