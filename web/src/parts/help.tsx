import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'

/** Whether the list of shortcuts is open. */
export const help = signal(false)

const shortcuts: readonly (readonly [string, string])[] = [
  ['/', 'search for an object by its id'],
  ['j, k', 'next and previous object of the list'],
  ['[, ]', 'previous and next detection of the object'],
  ['p', 'play or pause the history'],
  ['c', 'conditional or marginal probabilities'],
  ['d', 'days or MJD'],
  ['+, −, 0', 'zoom the charts in and out; show all'],
  [', .', 'move the zoomed charts to earlier and later times'],
  ['u', 'hide or show upper limits'],
  ['t', 'colours: system, dark, light'],
  ['Esc', 'return to the present, then to the stream'],
  ['↑ ↓ ← →', 'move through the tree; Enter highlights a node'],
  ['?', 'this list']
]

/** The list of keyboard shortcuts. */
export function Help() {
  const dialog = useRef<HTMLDialogElement>(null)
  const open = help.value
  useEffect(() => {
    if (open && !dialog.current?.open) dialog.current?.showModal()
    if (!open) dialog.current?.close()
  }, [open])
  return (
    <dialog ref={dialog} aria-labelledby="help-title" onClose={() => (help.value = false)}>
      <h2 id="help-title">Keyboard</h2>
      <dl>
        {shortcuts.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">close</button>
      </form>
    </dialog>
  )
}
