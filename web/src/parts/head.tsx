import { useRef } from 'preact/hooks'
import { connection, model, modelKey, models, readiness, statistics } from '../data/live.ts'
import { go, linkTo } from '../data/url.ts'
import { countText, rateText } from '../draw/format.ts'
import { cycleTheme, theme } from '../theme.ts'
import { help } from './help.tsx'

/** The top of the page: name, search and the state of the service. */
export function Head() {
  return (
    <header class="head">
      <h1>
        <a href={linkTo({ object: null, at: null })} title="Follow the stream (Esc)" onClick={follow}>
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M16 4v8M16 12 7 20M16 12l9 8M7 20v7M25 20l-4 7M25 20l4 7" />
          </svg>
          Hierax
        </a>
      </h1>
      <Search />
      <ModelChoice />
      <Vitals />
      <nav aria-label="Service">
        <a href="api/docs">API</a>
        <a href="metrics">Metrics</a>
        <button type="button" title="Keyboard (?)" aria-label="Keyboard shortcuts" onClick={() => (help.value = true)}>
          ?
        </button>
        <button
          type="button"
          title="Colours: system, dark, light (t)"
          aria-label={`Colours: ${theme.value}`}
          onClick={cycleTheme}
        >
          <svg viewBox="0 0 16 16" aria-hidden="true" class={`theme ${theme.value}`}>
            <circle cx="8" cy="8" r="6" />
            <path d="M8,2A6,6 0 0 1 8,14Z" />
          </svg>
        </button>
      </nav>
    </header>
  )
}

function follow(event: MouseEvent): void {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return
  event.preventDefault()
  go({ object: null, at: null })
}

function Search() {
  const input = useRef<HTMLInputElement>(null)
  return (
    <search class="search">
      <form
        onSubmit={event => {
          event.preventDefault()
          const object = input.current?.value.trim()
          if (!object) return
          go({ object, at: null })
          input.current?.blur()
        }}
      >
        <input
          ref={input}
          id="search"
          type="search"
          placeholder="Object id, e.g. ZTF20aaelulu"
          aria-label="Show an object by its id"
          title="Search (/)"
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          maxLength={128}
        />
      </form>
    </search>
  )
}

function ModelChoice() {
  const all = models.value
  if (all.length < 2) return null
  return (
    <label class="model">
      Model
      <select
        value={model.value ?? ''}
        onChange={event => go({ model: event.currentTarget.value, node: null, focus: null, at: null })}
      >
        {all.map(each => (
          <option key={each.sha256} value={modelKey(each)}>
            {each.name} {each.version}
            {modelKey(each) === each.name ? '' : ` ${modelKey(each)}`}
          </option>
        ))}
      </select>
    </label>
  )
}

/** Rate, lag and readiness. */
function Vitals() {
  const current = statistics.value
  const perSecond = current?.minute.perSecond ?? []
  const lost = connection.value === 'lost'
  const rate = perSecond.slice(-5).reduce((sum, count) => sum + count, 0) / 5
  return (
    <dl class="vitals">
      <div class="rate">
        <dt>messages/s</dt>
        <dd>
          <Sparkline values={perSecond} />
          <b>{current ? rateText(rate) : '–'}</b>
        </dd>
      </div>
      <div>
        <dt title="messages not yet read">lag</dt>
        <dd>
          <b>{current ? countText(current.lag) : '–'}</b>
        </dd>
      </div>
      <div>
        <dt>objects</dt>
        <dd>
          <b>{current ? countText(current.objects) : '–'}</b>
        </dd>
      </div>
      <div class="parts">
        <dt>{lost ? 'no connection' : readiness.value?.ready === false ? 'not ready' : 'ready'}</dt>
        <dd>
          {Object.entries(readiness.value?.parts ?? {}).map(([part, { ready, reason }]) => (
            <span
              key={part}
              class={lost ? 'part' : ready ? 'part good' : 'part bad'}
              title={`${part}: ${reason}${lost ? ', before the connection was lost' : ''}`}
            >
              <span aria-hidden="true">{lost ? '○' : ready ? '●' : '▲'}</span>
              <span class="hidden">{`${part}: ${reason}; `}</span>
            </span>
          ))}
        </dd>
      </div>
    </dl>
  )
}

/** Messages per second over the last minute. */
function Sparkline({ values }: { values: readonly number[] }) {
  const most = Math.max(1, ...values)
  const points = values.map((value, index) => `${index},${20 - (value / most) * 18}`)
  return (
    <svg class="sparkline" viewBox="0 0 59 20" preserveAspectRatio="none" aria-hidden="true">
      {points.length > 0 && (
        <>
          <path class="area" d={`M0,20L${points.join('L')}L${values.length - 1},20Z`} />
          <path d={`M${points.join('L')}`} />
        </>
      )}
    </svg>
  )
}
