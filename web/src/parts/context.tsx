import { currentClassification } from '../data/object.ts'
import { contextRows } from '../draw/context.ts'
import { Fact, Panel } from './panel.tsx'

/** The newest alert's context: catalogued sources and earlier detections at its position. */
export function Context() {
  const context = currentClassification.value?.context
  if (!context) return null
  const rows = contextRows(context)
  return (
    <Panel
      title="Context"
      id="context"
      aside={<span class="counts">catalogued sources and history at this position</span>}
    >
      {rows.length === 0 ? (
        <p class="empty">The packet has no catalogued sources or earlier detections.</p>
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
