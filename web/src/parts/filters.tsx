import { taxonomy } from '../data/live.ts'
import { currentClassification } from '../data/object.ts'
import { go, view } from '../data/url.ts'
import type { View } from '../data/view.ts'
import { BandMark, type BandName } from '../draw/markers.tsx'
import { branchesOf } from '../draw/river.ts'

const none: Partial<View> = { node: null, min: null, novelty: null, band: null, status: null, id: null }

/** Whether any filter is set. */
export function filtered(): boolean {
  return Object.keys(none).some(name => view.value[name as keyof View] !== null)
}

/** The filters of the list, which the service applies. */
export function Filters() {
  const { node, min, novelty, band, status, id } = view.value
  const set = (change: Partial<View>) => go(change, { replace: true })
  const branches = branchesOf(taxonomy.value?.nodes ?? [])
  const offersNovelty = novelty !== null || (currentClassification.value?.novelty ?? null) !== null
  return (
    <form class="filters" aria-label="Filters of the list" onSubmit={event => event.preventDefault()}>
      <label class="wide">
        <span>Class</span>
        <select value={node ?? ''} onChange={event => set({ node: event.currentTarget.value || null })}>
          <option value="">any</option>
          {branches.map(({ name, depth }) => (
            <option key={name} value={name}>
              {'\u2003'.repeat(depth - 1)}
              {name}
            </option>
          ))}
        </select>
      </label>
      <Share
        label={node === null ? 'P ≥' : 'P(class) ≥'}
        value={min}
        initial={node === null ? 0 : 0.5}
        set={value => set({ min: value })}
      />
      <Share
        label="Novelty ≥"
        value={novelty}
        initial={0}
        set={value => set({ novelty: value })}
        hint={
          offersNovelty
            ? 'how little the object resembles the training set'
            : 'the classification on display has no novelty'
        }
      />
      <fieldset class="bands">
        <legend>Band</legend>
        {(['g', 'r', 'i'] as const satisfies readonly BandName[]).map(name => (
          <button
            key={name}
            type="button"
            aria-pressed={band === name}
            onClick={() => set({ band: band === name ? null : name })}
          >
            <BandMark band={name} /> {name}
          </button>
        ))}
      </fieldset>
      <label>
        <span>Outcome</span>
        <select
          value={status ?? ''}
          onChange={event => set({ status: (event.currentTarget.value || null) as View['status'] })}
        >
          <option value="">any</option>
          <option value="CLASSIFIED">classified</option>
          <option value="NOT_CLASSIFIED">not classified</option>
        </select>
      </label>
      <label class="wide">
        <span>Id contains</span>
        <input
          type="text"
          value={id ?? ''}
          maxLength={128}
          spellcheck={false}
          autocomplete="off"
          onInput={event => set({ id: event.currentTarget.value.trim() || null })}
        />
      </label>
      <button type="button" class="clear" disabled={!filtered()} onClick={() => set(none)}>
        clear
      </button>
    </form>
  )
}

interface ShareProps {
  readonly label: string
  readonly value: number | null
  /** The value while the filter is not set. */
  readonly initial: number
  readonly set: (value: number | null) => void
  readonly hint?: string
}

/** A number from 0 to 1, with a slider. */
function Share({ label, value, initial, set, hint }: ShareProps) {
  const shown = value ?? initial
  return (
    <label class="share" title={hint}>
      <span>{label}</span>
      <input
        type="range"
        min={0}
        max={1}
        step={0.05}
        value={shown}
        onInput={event => {
          const next = Number(event.currentTarget.value)
          set(next === initial ? null : next)
        }}
      />
      <output aria-live="off">{shown.toFixed(2)}</output>
    </label>
  )
}
