import { apiError, chosenModel, connection, filterError, listed, models, readiness, rows } from '../data/live.ts'
import { objectError, objectId } from '../data/object.ts'
import { go, view } from '../data/url.ts'
import { filtered } from './filters.tsx'

/** A message to the user, with what to do. */
interface Notice {
  readonly kind: 'wait' | 'bad'
  readonly title: string
  readonly text: string
  readonly reload?: boolean
}

/** Transient reasons of a consumer: normal for seconds after a start and when members join or leave. */
const joining = new Set(['joining', 'rebalancing'])

/** The most severe problem; null if there is none. */
function notice(): Notice | null {
  const refused = apiError.value
  if (refused?.status === 401) {
    return {
      kind: 'bad',
      title: 'A token is required',
      text: 'The service requires the token of its setting http.token. Reload the page: the browser then asks for a user name (any) and a password (the token).',
      reload: true
    }
  }
  if (connection.value === 'lost' && (refused?.status === 0 || readiness.value === null)) {
    return {
      kind: 'bad',
      title: 'The service does not respond',
      text: 'The page retries every few seconds and shows the last known state. Check whether `hierax serve` (or the demo) is still running, and its log.'
    }
  }
  if (refused?.status === 429) {
    return {
      kind: 'wait',
      title: 'Too many requests',
      text: 'The service limits requests per address. The page continues within a minute.'
    }
  }
  const named = view.value.model
  if (named !== null && models.value.length > 0 && chosenModel.value === null) {
    return {
      kind: 'wait',
      title: `There is no model named ${named}`,
      text: `This service does not run the model of the link. The page shows ${models.value[0]?.name}.`
    }
  }
  if (filterError.value) {
    return {
      kind: 'wait',
      title: 'Invalid filter',
      text: `${filterError.value.message}. Choose another class, or clear the filter.`
    }
  }
  if (connection.value === 'refused') {
    return {
      kind: 'wait',
      title: 'No live events',
      text: 'The service responds but rejects further event streams: too many pages are open. Close some; this page retries every few seconds.'
    }
  }
  const bad = Object.entries(readiness.value?.parts ?? {}).find(([, { ready }]) => !ready)
  if (bad?.[0] === 'consumer' && joining.has(bad[1].reason ?? '')) {
    return {
      kind: 'wait',
      title: 'Starting',
      text: `The service is joining its consumer group (${bad[1].reason}). This takes a few seconds; if it takes longer, check the log. Alerts remain in Kafka.`
    }
  }
  if (bad) {
    return {
      kind: 'bad',
      title: `Not ready: ${bad[0]}, ${bad[1].reason}`,
      text: 'Alerts remain in Kafka; nothing is lost. Check the log, and whether the brokers and the store are reachable.'
    }
  }
  const idle = listed.value && rows.value.length === 0 && !filtered()
  if (readiness.value?.parts.consumer?.reason === 'waiting for a topic') {
    return {
      kind: 'wait',
      title: 'Waiting for a topic',
      text: 'None of the input topics exists yet. This is normal before the first exposures of a night and on cloudy nights; the service checks every minute. The setting input.topics selects other topics.'
    }
  }
  if (idle && objectId.value === null) {
    return {
      kind: 'wait',
      title: 'No alerts yet',
      text: 'The service is running, but its topics have had no alerts so far. To send some, run `npx hierax simulate` or `npx hierax replay FILE.avro` with its brokers and a topic of the setting input.topics.'
    }
  }
  return null
}

/** The notice at the top of the page. */
export function Notices() {
  const one = notice()
  return (
    <div class="notices" role="status">
      {one && (
        <p class={`notice ${one.kind}`}>
          <strong>{one.title}.</strong> <Marked text={one.text} />
          {one.reload && (
            <button type="button" onClick={() => location.reload()}>
              reload
            </button>
          )}
        </p>
      )}
    </div>
  )
}

/** Why the object cannot be shown. */
export function ObjectProblem() {
  const error = objectError.value
  if (!error || error.status === 0 || error.status === 401) return null
  const unknown = error.code === 'OBJECT_NOT_FOUND'
  return (
    <div class="panel problem" role="status">
      <h2>{unknown ? 'No alert of this object yet' : 'The object cannot be shown'}</h2>
      <p>
        {unknown
          ? 'It appears here with its first alert. Check the id (ZTF, two digits, seven letters): the service knows only objects that have had an alert since its store was created.'
          : `${error.message}. ${error.remedy}`}
      </p>
      <button type="button" onClick={() => go({ object: null, at: null, ...(unknown ? {} : { model: null }) })}>
        follow the stream
      </button>
    </div>
  )
}

/** Text with backquoted parts as code. */
function Marked({ text }: { text: string }) {
  return <>{text.split('`').map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}</>
}
