import { chosenModel, connection, filterRefusal, listed, models, readiness, refusal, rows } from '../data/live.ts'
import { objectId, objectRefusal } from '../data/object.ts'
import { go, view } from '../data/url.ts'
import { filtered } from './filters.tsx'

/** Something that people should know, with what to do. */
interface Notice {
  readonly kind: 'wait' | 'bad'
  readonly title: string
  readonly text: string
  readonly reload?: boolean
}

/** Reasons of a consumer that is on its way: usual for seconds after a start, and when members come and go. */
const joining = new Set(['joining', 'rebalancing'])

/** What stands between the visitor and alerts, the worst first; null where all is well. */
function notice(): Notice | null {
  const refused = refusal.value
  if (refused?.status === 401) {
    return {
      kind: 'bad',
      title: 'A token is needed',
      text: 'The service asks for the token of its setting http.token. Load the page again: the browser asks for a name (any) and a password (the token).',
      reload: true
    }
  }
  if (connection.value === 'lost' && (refused?.status === 0 || readiness.value === null)) {
    return {
      kind: 'bad',
      title: 'The service does not answer',
      text: 'Trying again every few seconds. What you see is what was known before. See whether `hierax serve` (or the demo) still runs, and what its log says.'
    }
  }
  if (refused?.status === 429) {
    return {
      kind: 'wait',
      title: 'Too many requests',
      text: 'The service bounds how often one address may ask. It goes on in a minute.'
    }
  }
  const asked = view.value.model
  if (asked !== null && models.value.length > 0 && chosenModel.value === null) {
    return {
      kind: 'wait',
      title: `No model is named ${asked} here`,
      text: `The link names a model that this service does not run. Shown is ${models.value[0]?.name}.`
    }
  }
  if (filterRefusal.value) {
    return {
      kind: 'wait',
      title: 'The list can’t be filtered so',
      text: `${filterRefusal.value.message}. Choose another class, or clear the filter.`
    }
  }
  if (connection.value === 'refused') {
    return {
      kind: 'wait',
      title: 'No live events',
      text: 'The service answers but opens no further event stream: too many pages listen. Close some; trying again every few seconds.'
    }
  }
  const bad = Object.entries(readiness.value?.parts ?? {}).find(([, { ready }]) => !ready)
  if (bad?.[0] === 'consumer' && joining.has(bad[1].reason ?? '')) {
    return {
      kind: 'wait',
      title: 'Starting',
      text: `The service joins its consumer group (${bad[1].reason}); alerts wait in Kafka meanwhile. That takes seconds; if it lasts, see the log.`
    }
  }
  if (bad) {
    return {
      kind: 'bad',
      title: `Not ready: ${bad[0]}, ${bad[1].reason}`,
      text: 'Alerts wait in Kafka meanwhile; nothing is lost. See the log, and whether the brokers and the store can be reached.'
    }
  }
  const idle = listed.value && rows.value.length === 0 && !filtered()
  if (readiness.value?.parts.consumer?.reason === 'waiting for a topic') {
    return {
      kind: 'wait',
      title: 'Waiting for a topic',
      text: 'None of the input topics exists yet. That is usual before the first exposures of a night and when it is cloudy; they are looked for every minute. Other topics: the setting input.topics.'
    }
  }
  if (idle && objectId.value === null) {
    return {
      kind: 'wait',
      title: 'No alerts yet',
      text: 'The service runs and reads its topics, which have brought nothing so far. To send it some: `npx hierax simulate` or `npx hierax replay FILE.avro`, with the brokers and a topic of the setting input.topics.'
    }
  }
  return null
}

/** The one thing to know, at the top. */
export function Notices() {
  const one = notice()
  return (
    <div class="notices" role="status">
      {one && (
        <p class={`notice ${one.kind}`}>
          <strong>{one.title}.</strong> <Marked text={one.text} />
          {one.reload && (
            <button type="button" onClick={() => location.reload()}>
              load again
            </button>
          )}
        </p>
      )}
    </div>
  )
}

/** Why the object can't be shown. */
export function ObjectProblem() {
  const why = objectRefusal.value
  if (!why || why.status === 0 || why.status === 401) return null
  const unknown = why.code === 'OBJECT_NOT_FOUND'
  return (
    <div class="panel problem" role="status">
      <h2>{unknown ? 'No alert of this object was seen yet' : 'The object can’t be shown'}</h2>
      <p>
        {unknown
          ? 'It appears here with its first alert. Check the id (ZTF, two digits, seven letters): this service knows the objects of which an alert has come since its store began.'
          : `${why.message}. ${why.remedy}`}
      </p>
      <button type="button" onClick={() => go({ object: null, at: null, ...(unknown ? {} : { model: null }) })}>
        follow the stream
      </button>
    </div>
  )
}

/** Text with what is between backquotes as code. */
function Marked({ text }: { text: string }) {
  return <>{text.split('`').map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}</>
}
