import { currentClassification, history, moment, probabilities } from '../data/object.ts'
import { probabilityText } from '../draw/format.ts'
import { type TermBar, whyOf } from '../draw/why.ts'
import { Panel } from './panel.tsx'

/** The contributions of light curve, context and prior to the split below the root, and their sum. */
export function Why() {
  const current = currentClassification.value
  const then = moment.value === null ? null : (history.value?.moments[moment.value] ?? null)
  const why = current && whyOf(current, then)
  if (!why) return null
  const { balance, bars, sum } = why
  const probability = probabilities.value?.get(balance.node)
  return (
    <Panel
      title="Why"
      id="why"
      aside={
        <span class="counts">
          {balance.node} against {balance.against}
        </span>
      }
    >
      <p class="sides" aria-hidden="true">
        <span>← {balance.against}</span>
        <span>{balance.node} →</span>
      </p>
      <ul class="terms" aria-label={`Evidence for ${balance.node} against ${balance.against}`}>
        {bars.map(bar => (
          <Term key={bar.name} bar={bar} node={balance.node} />
        ))}
        <Term
          bar={{
            ...sum,
            words: probability === undefined ? '' : `P(${balance.node}) ${probabilityText(probability)}`
          }}
          node={balance.node}
          total
        />
      </ul>
      <p class="caption">
        Natural logarithms of the odds of {balance.node} against {balance.against}, which add up: 1 is a factor of 2.7,
        3 is a factor of 20.
      </p>
    </Panel>
  )
}

function Term({ bar, node, total = false }: { bar: TermBar; node: string; total?: boolean }) {
  const { name, text, words, towards, left, length } = bar
  return (
    <li class={total ? 'term sum' : 'term'}>
      <span class="what">{name}</span>
      <span class="track" aria-hidden="true">
        <span class={towards === node ? 'bar' : 'bar against'} style={{ left: `${left}%`, width: `${length}%` }} />
      </span>
      <span class="number">
        {text}
        <span class="hidden">{towards === null ? ', for neither. ' : ` for ${towards}. `}</span>
      </span>
      <span class="words">{words}</span>
    </li>
  )
}
