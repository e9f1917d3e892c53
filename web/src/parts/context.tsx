import { answer } from '../data/object.ts'
import { contextRows } from '../draw/context.ts'
import { Fact, Panel } from './panel.tsx'

/** What the newest alert's packet says about the place, beside its photometry. */
export function Context() {
  const context = answer.value?.context
  if (!context) return null
  const rows = contextRows(context)
  return (
    <Panel title="Context" id="context" aside={<span class="counts">what the packet says of the place</span>}>
      {rows.length === 0 ? (
        <p class="empty">Nothing: neither catalogued sources nor earlier detections.</p>
      ) : (
        <dl class="facts">
          {rows.map(([name, value]) => (
            <Fact key={name} name={name} value={value} />
          ))}
        </dl>
      )}
    </Panel>
  )
}
