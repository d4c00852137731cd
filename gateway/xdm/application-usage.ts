import type { Document } from '@xmldom/xmldom'

/** Why a document cannot be taken (RFC 4825 §11.2): the name of the error element, and a phrase for people. */
export interface DocumentFault {
  readonly error:
    | 'schema-validation-error'
    | 'constraint-failure'
    | 'uniqueness-failure'
    | 'no-parent'
    | 'cannot-insert'
    | 'cannot-delete'
    | 'not-well-formed'
    | 'not-xml-frag'
    | 'not-xml-att-value'
    | 'not-utf-8'
  readonly phrase: string
}

/** What an application of XCAP fixes (RFC 4825 §5). */
export interface ApplicationUsage {
  /** Application unique id, the first step of the path. */
  readonly auid: string
  /** Name of the one document of each user; default: index. */
  readonly document?: string
  readonly mediaType: string
  /** Namespace of names without prefix in a node selector. */
  readonly namespace: string
  /** Checks a whole document beyond being well formed. */
  validate(document: Document): DocumentFault | undefined
}
