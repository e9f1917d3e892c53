import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'

interface PanelProps {
  readonly title: string
  readonly id: string
  readonly aside?: ComponentChildren
  readonly children: ComponentChildren
}

/** A part of the page with its heading. */
export function Panel({ title, id, aside, children }: PanelProps) {
  const heading = useId()
  return (
    <section class={`panel ${id}`} aria-labelledby={heading}>
      <header>
        <h2 id={heading}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  )
}

/** A name and value in a list of facts. */
export function Fact({ name, value, long = false }: { name: string; value: string; long?: boolean }) {
  return (
    <>
      <dt>{name}</dt>
      <dd class={long ? 'long' : undefined}>{value}</dd>
    </>
  )
}

interface SwitchProps<T extends string> {
  readonly label: string
  readonly value: T
  readonly options: readonly { readonly value: T; readonly text: string; readonly hint?: string }[]
  readonly choose: (value: T) => void
}

/** A choice among a few options. */
export function Switch<T extends string>({ label, value, options, choose }: SwitchProps<T>) {
  const name = useId()
  return (
    <fieldset class="switch">
      <legend class="hidden">{label}</legend>
      {options.map(option => (
        <label key={option.value} title={option.hint}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => choose(option.value)}
          />
          <span>{option.text}</span>
        </label>
      ))}
    </fieldset>
  )
}
