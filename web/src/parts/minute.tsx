import { statistics, taxonomy } from '../data/live.ts'
import { go, view } from '../data/url.ts'
import { countText } from '../draw/format.ts'
import { branchesOf } from '../draw/river.ts'
import { Panel } from './panel.tsx'

/** Counts of the last minute by predicted class or reason, and totals since the start. */
export function Minute() {
  const current = statistics.value
  const branches = branchesOf(taxonomy.value?.nodes ?? [])
  if (!current) return null
  const { minute, outcomes, alerts } = current
  const nodes = branches
    .map(({ name, depth }) => ({ name, depth, count: minute.nodes[name] ?? 0 }))
    .filter(({ count }) => count > 0)
  const others = Object.entries(minute.reasons)
  const undecided = minute.nodes[''] ?? 0
  const most = Math.max(1, undecided, ...nodes.map(({ count }) => count), ...others.map(([, count]) => count))
  return (
    <Panel title="Last minute" id="minute" aside={<span class="counts">messages by class</span>}>
      <ol class="bars">
        {nodes.map(({ name, count }) => (
          <li key={name}>
            <button
              type="button"
              aria-pressed={view.value.node === name}
              title={`Show only ${name} in the list`}
              onClick={() => go({ node: view.value.node === name ? null : name }, { replace: true })}
            >
              {name}
            </button>
            <Bar count={count} most={most} />
          </li>
        ))}
        {undecided > 0 && (
          <li>
            <i>undecided</i>
            <Bar count={undecided} most={most} />
          </li>
        )}
        {others.map(([reason, count]) => (
          <li key={reason}>
            <i>{reason.toLowerCase().replaceAll('_', ' ')}</i>
            <Bar count={count} most={most} />
          </li>
        ))}
        {minute.classified + minute.notClassified === 0 && <li class="empty">No messages in the last minute.</li>}
      </ol>
      <p class="caption">
        Since the start: {countText(alerts)} alerts, {countText(outcomes.classified)} classified,{' '}
        {countText(outcomes.notClassified)} not classified, {countText(outcomes.deadLetters)} dead letters.
      </p>
    </Panel>
  )
}

function Bar({ count, most }: { count: number; most: number }) {
  return (
    <>
      <span class="meter" aria-hidden="true">
        <span style={{ width: `${(count / most) * 100}%` }} />
      </span>
      <span class="number">{countText(count)}</span>
    </>
  )
}
