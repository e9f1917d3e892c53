import { pathOf } from '../data/api.ts'
import { elsewhere, isSimulated } from '../data/elsewhere.ts'
import { chosenModel } from '../data/live.ts'
import { currentClassification, history, moment, object, objectId, prediction } from '../data/object.ts'
import { go, view } from '../data/url.ts'
import { daysText, probabilityText, utcOf } from '../draw/format.ts'
import { BandMark } from '../draw/markers.tsx'

/** Name, prediction and summary of the object, with links to other services. */
export function ObjectHead() {
  const id = objectId.value
  if (id === null) return null
  const pinned = view.value.object !== null
  return (
    <section class="object-head" aria-labelledby="object-name">
      <h2 id="object-name" class="id">
        {id}
      </h2>
      <button
        type="button"
        class="pin"
        aria-pressed={pinned}
        title={pinned ? 'Follow the stream again (Esc)' : 'Stay with this object'}
        onClick={() => go(pinned ? { object: null, at: null } : { object: id })}
      >
        {pinned ? 'pinned' : 'following the stream'}
      </button>
      <p class="prediction">
        <Prediction />
      </p>
      <Announcement />
      <Summary />
      <Links id={id} />
    </section>
  )
}

function Prediction() {
  const made = prediction.value
  if (made) {
    return (
      <>
        {made.path.slice(0, -1).map(name => (
          <span key={name} class="above">
            {name}
            <span aria-hidden="true"> › </span>
          </span>
        ))}
        <strong>{made.node}</strong> <span class="number">{probabilityText(made.probability)}</span>
        {moment.value !== null && <em> then</em>}
      </>
    )
  }
  const reason = currentClassification.value?.reason
  if (reason) return <strong class="reason">not classified: {reason}</strong>
  if (object.value === null) return null
  return <span class="above">undecided: no class reaches probability 0.5</span>
}

/**
 * Announces a change of class of the selected object to screen readers. Not the probability, which changes with every alert, and
 * nothing while the page follows the stream.
 */
function Announcement() {
  const pinned = view.value.object !== null && moment.value === null
  const made = prediction.value
  const reason = currentClassification.value?.reason
  const text = made ? made.path.join(', ') : reason ? `not classified, ${reason}` : object.value ? 'undecided' : ''
  return (
    <p class="hidden" aria-live="polite">
      {pinned && text}
    </p>
  )
}

function Summary() {
  const current = currentClassification.value
  if (!current) return null
  const { lightCurve, jd } = current
  const first = history.value?.moments[0]
  const span = first && lightCurve.lastJd !== null ? lightCurve.lastJd - first.jd : null
  return (
    <p class="summary">
      {Object.entries(lightCurve.latest).map(([band, magnitude]) => (
        <span key={band}>
          <BandMark band={band as 'g' | 'r' | 'i'} /> {band} {magnitude?.toFixed(2)}
        </span>
      ))}
      <span>
        {lightCurve.detections} detection{lightCurve.detections === 1 ? '' : 's'}
        {span !== null && span > 0 && ` over ${daysText(span)}`}
      </span>
      <span>last alert {utcOf(jd).slice(0, 16)} UTC</span>
    </p>
  )
}

/** Links to the object at other brokers, and to its position at the Transient Name Server. */
function Links({ id }: { id: string }) {
  const place = currentClassification.value ?? object.value?.newest ?? null
  const name = encodeURIComponent(id)
  return (
    <nav class="elsewhere" aria-label="The object at other services">
      {elsewhere(id, place).map(([text, address]) => (
        <a key={text} href={address} target="_blank" rel="noopener noreferrer">
          {text}
          <span aria-hidden="true"> ↗</span>
          <span class="hidden"> (opens in a new tab)</span>
        </a>
      ))}
      {isSimulated(id) && <span class="soft">simulated object</span>}
      {object.value && (
        <>
          <a href={pathOf(`api/v1/objects/${name}`, { model: chosenModel.value })}>JSON</a>
          <a href={`api/v1/objects/${name}/lightcurve.csv`}>CSV</a>
        </>
      )}
    </nav>
  )
}
