import type { Description, Media } from './description.js'

/** A section that refuses this one. */
export const refusal = ({ kind, proto, formats }: Media): Media => ({ kind, port: 0, proto, formats, lines: [] })

/** Streams that are not refused. */
export const activeStreams = ({ media }: Description): readonly Media[] => media.filter(({ port }) => port > 0)
