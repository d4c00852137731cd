import {
  Counter,
  type CounterConfiguration,
  type Histogram,
  type HistogramConfiguration,
  type Registry,
} from 'prom-client'

type Labels<Label extends string> = Readonly<Record<Label, string>>

/** Counts, by labels. */
export interface Tally<Label extends string> {
  inc(labels: Labels<Label>, by?: number): void
}

/** Values, by labels. */
export interface Distribution<Label extends string> {
  observe(labels: Labels<Label>, value: number): void
}

/**
 * A counter that prom-client is told of when it is asked: with each step it would check and sort the labels, and several are
 * made for each message.
 */
export function tally<Label extends string>(
  configuration: CounterConfiguration<Label> & { readonly labelNames: readonly Label[] },
): Tally<Label> {
  const series = byLabels(configuration.labelNames, () => ({ count: 0 }))
  new Counter<Label>({
    ...configuration,
    collect() {
      for (const [labels, one] of series.all()) {
        if (one.count > 0) this.inc(labels, one.count)
        one.count = 0
      }
    },
  })
  return {
    inc(labels, by = 1) {
      series.of(labels).count += by
    },
  }
}

interface Observed {
  /** For each bound, and last for what is above all of them. */
  readonly counts: number[]
  sum: number
}

/** A histogram of our own in a registry of prom-client, for the same reason. */
export function distribution<Label extends string>(
  registry: Registry,
  {
    name,
    help,
    labelNames,
    buckets,
  }: Required<Pick<HistogramConfiguration<Label>, 'name' | 'help' | 'buckets'>> & {
    readonly labelNames: readonly Label[]
  },
): Distribution<Label> {
  const series = byLabels(labelNames, (): Observed => ({ counts: [...buckets, 0].map(() => 0), sum: 0 }))
  const metric = {
    ...{ name, help, labelNames, type: 'histogram', aggregator: 'sum' },
    get: async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: values() }),
    reset: series.clear,
  }
  registry.registerMetric(metric as unknown as Histogram<Label>)

  function values() {
    return series.all().flatMap(([labels, { counts, sum }]) => {
      let count = 0
      const bounded = counts.map((own, index) => {
        count += own
        return { metricName: `${name}_bucket`, labels: { le: buckets[index] ?? '+Inf', ...labels }, value: count }
      })
      return [
        ...bounded,
        { metricName: `${name}_sum`, labels, value: sum },
        { metricName: `${name}_count`, labels, value: count },
      ]
    })
  }

  return {
    observe(labels, value) {
      const observed = series.of(labels)
      let bucket = 0
      while (bucket < buckets.length && value > (buckets[bucket] ?? 0)) bucket += 1
      observed.counts[bucket] = (observed.counts[bucket] ?? 0) + 1
      observed.sum += value
    },
  }
}

/** One label value after another leads to a series. */
interface Place<Series> {
  readonly next: Map<string, Place<Series>>
  series?: Series
}

/** Series of one family; labels are closed sets, so there are few. */
function byLabels<Label extends string, Series>(labelNames: readonly Label[], create: () => Series) {
  let first: Place<Series> = { next: new Map() }
  let known: (readonly [Labels<Label>, Series])[] = []

  function added(labels: Labels<Label>): Series {
    const series = create()
    known.push([labels, series])
    return series
  }

  return {
    of(labels: Labels<Label>): Series {
      let place = first
      for (const name of labelNames) {
        const value = labels[name]
        let next = place.next.get(value)
        if (next === undefined) {
          next = { next: new Map() }
          place.next.set(value, next)
        }
        place = next
      }
      place.series ??= added(labels)
      return place.series
    },
    all: () => known,
    clear() {
      first = { next: new Map() }
      known = []
    },
  }
}
