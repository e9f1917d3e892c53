import { parser } from '@prometheus-io/lezer-promql'

/** A metric that an expression reads, and the labels that it asks it for. */
export interface Selector {
  readonly metric: string
  readonly labels: readonly string[]
}

/** What an expression reads. */
export interface Reading {
  readonly selectors: readonly Selector[]
  /** Labels of `by`, `without` and `on`. */
  readonly grouping: readonly string[]
}

/** Takes a PromQL expression apart. Throws where it is not one. */
export function readingOf(expression: string): Reading {
  const selectors: { metric: string; labels: string[] }[] = []
  const grouping: string[] = []
  const tree = parser.parse(expression)
  tree.iterate({
    enter: ({ name, from, to, type, node }) => {
      const text = expression.slice(from, to)
      if (type.isError) throw new Error(`no PromQL at ${from} of ${JSON.stringify(expression)}`)
      if (name === 'VectorSelector') selectors.push({ metric: '', labels: [] })
      if (name === 'Identifier' && node.parent?.name === 'VectorSelector') selectors.at(-1)!.metric = text
      if (name !== 'LabelName') return
      if (node.parent?.name === 'GroupingLabels') grouping.push(text)
      else selectors.at(-1)?.labels.push(text)
    }
  })
  return { selectors, grouping }
}
