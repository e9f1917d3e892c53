import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { history, moment, object, prediction } from '../data/object.ts'
import { go } from '../data/url.ts'
import type { TimeAxis } from '../draw/axis.ts'
import { probabilityText } from '../draw/format.ts'

/** Whether the history is playing. */
export const playing = signal(false)

/** Moves `by` moments through the history; the last one is the current classification. */
export function step(by: number): void {
  const last = (history.value?.moments.length ?? 0) - 1
  if (last < 0) return
  const next = Math.min(last, Math.max(0, (moment.value ?? last) + by))
  go({ at: next === last ? null : next + 1 }, { replace: true })
}

/** Plays the history from the selected moment, or from its beginning if none is selected. */
export function play(): void {
  if (moment.value === null) go({ at: 1 }, { replace: true })
  playing.value = true
}

/** Stops at the selected moment. */
export function pause(): void {
  playing.value = false
}

/** A slider through the history, and a button that plays it. */
export function Replay({ axis }: { axis: TimeAxis }) {
  const moments = history.value?.moments ?? []
  const last = moments.length - 1
  const index = moment.value ?? last
  const shown = moments[index]
  const running = playing.value
  useEffect(() => {
    if (!running) return
    const pace = Math.max(160, Math.min(900, 12_000 / moments.length))
    const timer = window.setInterval(() => {
      if (moment.value === null) playing.value = false
      else step(1)
    }, pace)
    return () => window.clearInterval(timer)
  }, [running, moments.length])
  const made = prediction.value
  const spoken = made ? `${made.node} ${probabilityText(made.probability)}` : 'no class yet'
  const text = shown
    ? `${axis.text(shown.mjd)}, ${shown.detections} detection${shown.detections === 1 ? '' : 's'}`
    : object.value
      ? 'no detection with probabilities'
      : ''
  return (
    <div class="replay">
      <button
        type="button"
        class="play"
        disabled={last < 1}
        aria-label={running ? 'Pause the history' : 'Play the history'}
        title={running ? 'Pause (p)' : 'Play (p)'}
        onClick={running ? pause : play}
      >
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d={running ? 'M4,3V13M12,3V13' : 'M4,2.5L13,8L4,13.5Z'} class={running ? 'pause' : 'go'} />
        </svg>
      </button>
      <input
        type="range"
        min={1}
        max={Math.max(1, last + 1)}
        value={index + 1}
        disabled={last < 1}
        aria-label="Detection whose classification is shown"
        aria-valuetext={`${text}: ${spoken}`}
        onInput={event => {
          playing.value = false
          const value = Number(event.currentTarget.value)
          go({ at: value > last ? null : value }, { replace: true })
        }}
      />
      <output aria-live="off">
        {text}
        {moment.value !== null && <em> of {moments[last]?.detections}</em>}
      </output>
      <button
        type="button"
        class="now"
        disabled={moment.value === null}
        onClick={() => go({ at: null }, { replace: true })}
      >
        now
      </button>
    </div>
  )
}
