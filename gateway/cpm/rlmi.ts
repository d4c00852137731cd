import { createHash } from 'node:crypto'
import { buildMultipart } from './multipart.js'
import { escapeXml } from './xml.js'

/** A resource of a list as it is told (RFC 4662 §5). */
export interface ListedResource {
  readonly uri: string
  /** Absent: nothing is told of where its subscription stands. */
  readonly instance?: {
    readonly state: 'active' | 'pending' | 'terminated'
    /** Why it ended. */
    readonly reason?: string
    readonly document?: { readonly type: string; readonly text: string }
  }
}

export interface ListState {
  readonly uri: string
  readonly version: number
  readonly full: boolean
  readonly resources: readonly ListedResource[]
}

/** The state of a list as the body of a NOTIFY (RFC 4662 §5.2): meta-information first, then the documents it points to. */
export function buildListState({ uri, version, full, resources }: ListState): {
  readonly contentType: string
  readonly text: string
} {
  const parts = resources.flatMap((resource, index) => {
    const document = resource.instance?.document
    return document ? [{ id: `r${index}`, document }] : []
  })
  const meta = [
    '<?xml version="1.0" encoding="UTF-8"?>\n<list xmlns="urn:ietf:params:xml:ns:rlmi"',
    ` uri="${escapeXml(uri)}" version="${version}" fullState="${full}">`,
    ...resources.map(buildResource),
    '</list>\n',
  ].join('')
  const bodies = [
    part('list', 'application/rlmi+xml;charset="UTF-8"', meta),
    ...parts.map(({ id, document }) => part(id, document.type, document.text)),
  ]
  // A digest of the content stands in none of its parts.
  const boundary = createHash('sha256')
    .update(JSON.stringify(bodies.map(({ body }) => body)))
    .digest('hex')
    .slice(0, 40)
  return {
    contentType: `multipart/related;type="application/rlmi+xml";start="<list@list>";boundary="${boundary}"`,
    text: buildMultipart(bodies, boundary),
  }
}

const part = (id: string, type: string, body: string) => ({
  headers: new Map([
    ['content-transfer-encoding', 'binary'],
    ['content-id', `<${id}@list>`],
    ['content-type', type],
  ]),
  body,
})

function buildResource({ uri, instance }: ListedResource, index: number): string {
  const reason = instance?.reason === undefined ? '' : ` reason="${escapeXml(instance.reason)}"`
  const cid = instance?.document ? ` cid="r${index}@list"` : ''
  const inside = instance ? `<instance id="1" state="${instance.state}"${reason}${cid}/>` : ''
  return `<resource uri="${escapeXml(uri)}">${inside}</resource>`
}
