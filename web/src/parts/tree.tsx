import { useMemo, useRef, useState } from 'preact/hooks'
import { taxonomy } from '../data/live.ts'
import { currentClassification, moment, objectId, prediction, probabilities } from '../data/object.ts'
import { go, view } from '../data/url.ts'
import { probabilityText } from '../draw/format.ts'
import { type Band, type Branch, bandsOf, branchesOf, lineOf, type Plan, planOf } from '../draw/river.ts'
import { useRoom } from '../draw/size.ts'
import { useTween } from '../draw/tween.ts'
import { Panel, Switch } from './panel.tsx'

/** Every node with its probability, as a Sankey diagram. */
export function Tree() {
  const [frame, room] = useRoom<HTMLDivElement>()
  const nodes = taxonomy.value?.nodes ?? []
  const branches = useMemo(() => branchesOf(nodes), [nodes])
  const { rem } = room
  const plan = useMemo(() => {
    const leaves = branches.filter(branch => branch.children.length === 0).length
    const row = rem * (leaves > 40 ? 1.35 : leaves > 24 ? 1.6 : 1.9)
    return planOf(branches, room.width, row, rem * 8.2)
  }, [branches, room.width, rem])
  const known = probabilities.value
  const marginal = useTween(
    branches.map(({ name }) => known?.get(name) ?? 0),
    `${taxonomy.value?.model} ${objectId.value}`
  )
  const bands = bandsOf(branches, plan, marginal)
  const path = new Set(prediction.value?.path ?? [])
  return (
    <Panel title="Classification" id="tree" aside={<Modes />}>
      <div
        class={`tree ${plan.kind} ${plan.kind === 'wide' && plan.step < rem * 9.5 ? 'tight' : ''}`}
        ref={frame}
        data-known={known !== null}
      >
        {room.width > 0 && (
          <>
            <River branches={branches} plan={plan} bands={bands} path={path} width={room.width} />
            <Names branches={branches} plan={plan} marginal={marginal} path={path} known={known !== null} />
          </>
        )}
      </div>
      <Reason />
    </Panel>
  )
}

function Modes() {
  const { conditional } = view.value
  return (
    <Switch
      label="Probability"
      value={conditional ? 'conditional' : 'marginal'}
      options={[
        { value: 'marginal', text: 'P(node)', hint: 'marginal: the product along the path from the root' },
        { value: 'conditional', text: 'P(node | parent)', hint: 'conditional: siblings sum to 1' }
      ]}
      choose={value => go({ conditional: value === 'conditional' }, { replace: true })}
    />
  )
}

interface RiverProps {
  readonly branches: readonly Branch[]
  readonly plan: Plan
  readonly bands: readonly Band[]
  readonly path: ReadonlySet<string>
  readonly width: number
}

function River({ branches, plan, bands, path, width }: RiverProps) {
  return (
    <svg class="river" width={width} height={plan.height} aria-hidden="true">
      {bands.map((band, place) => (
        <path
          key={branches[place]?.name}
          class={path.has(branches[place]?.name ?? '') ? 'band chosen' : 'band'}
          d={lineOf(plan, band)}
          stroke-width={Math.max(band.width, 0.75)}
        />
      ))}
      {plan.kind === 'wide' && (
        <rect class="root" x={plan.root.x - 4} y={plan.root.y - plan.full / 2} width={4} height={plan.full} />
      )}
    </svg>
  )
}

interface NamesProps {
  readonly branches: readonly Branch[]
  readonly plan: Plan
  readonly marginal: readonly number[]
  readonly path: ReadonlySet<string>
  readonly known: boolean
}

/** Names and probabilities, for keyboard and screen readers too. */
function Names({ branches, plan, marginal, path, known }: NamesProps) {
  const list = useRef<HTMLDivElement>(null)
  const [current, setCurrent] = useState(0)
  const { conditional, focus } = view.value
  const given = (place: number): number => {
    const { parent, siblings } = branches[place] as Branch
    if (siblings === 1) return 1
    const all = parent === -1 ? 1 : (marginal[parent] ?? 0)
    return all > 0 ? Math.min(1, (marginal[place] ?? 0) / all) : 0
  }
  const move = (to: number): void => {
    if (to < 0 || to >= branches.length) return
    setCurrent(to)
    list.current?.querySelectorAll<HTMLElement>('[role=treeitem]')[to]?.focus()
  }
  const choose = (name: string): void => go({ focus: focus === name ? null : name }, { replace: true })
  const press = (event: KeyboardEvent, place: number): void => {
    const { parent, children, name } = branches[place] as Branch
    const keys: Record<string, () => void> = {
      ArrowDown: () => move(place + 1),
      ArrowUp: () => move(place - 1),
      ArrowLeft: () => move(parent),
      ArrowRight: () => move(children[0] ?? -1),
      Home: () => move(0),
      End: () => move(branches.length - 1),
      Enter: () => choose(name),
      ' ': () => choose(name)
    }
    const act = keys[event.key]
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    event.stopPropagation()
    act()
  }
  return (
    <div
      class="names"
      role="tree"
      aria-label={`Probability of every node${conditional ? ', given its parent' : ''}`}
      ref={list}
      style={{ height: `${plan.height}px` }}
    >
      {branches.map((branch, place) => {
        const { name, description, parent, depth, position, siblings, children } = branch
        const value = conditional ? given(place) : (marginal[place] ?? 0)
        const [own, over] = [probabilityText(marginal[place] ?? 0), probabilityText(given(place))]
        const above = branches[parent]?.name ?? taxonomy.value?.root ?? 'the root'
        const spoken = !known
          ? `${name} – no probability`
          : conditional
            ? `${name} ${over} given ${above}, probability ${own}`
            : `${name} ${own} probability, ${over} given ${above}`
        return (
          <div
            key={name}
            role="treeitem"
            tabIndex={place === current ? 0 : -1}
            aria-level={depth}
            aria-posinset={position}
            aria-setsize={siblings}
            aria-selected={focus === name}
            {...(children.length > 0 ? { 'aria-expanded': true } : {})}
            aria-label={spoken}
            title={`${name}${description ? ` – ${description}` : ''}${known ? `\nP(node) ${(marginal[place] ?? 0).toFixed(4)}\nP(node | ${above}) ${given(place).toFixed(4)}` : ''}`}
            class={`name ${children.length > 0 ? 'inner' : 'leaf'} ${path.has(name) ? 'chosen' : ''} ${value < 0.005 ? 'faint' : ''}`}
            style={placeOf(branch, plan, place)}
            onClick={() => choose(name)}
            onFocus={() => setCurrent(place)}
            onKeyDown={event => press(event, place)}
          >
            <span class="text">{name}</span>{' '}
            {plan.kind === 'narrow' && (
              <span class="meter" aria-hidden="true">
                <span style={{ width: `${value * 100}%` }} />
              </span>
            )}
            <span class="number">{known ? probabilityText(value) : '–'}</span>
          </div>
        )
      })}
    </div>
  )
}

function placeOf({ children, parent }: Branch, plan: Plan, place: number): Record<string, string> {
  const { x, y } = plan.places[place] ?? plan.root
  if (plan.kind === 'narrow') return { left: `${x + 6}px`, top: `${y}px`, right: '0' }
  const from = (plan.places[parent] ?? plan.root).x
  return children.length === 0
    ? { left: `${x + 7}px`, top: `${y}px` }
    : {
        left: `${from + plan.step * 0.33}px`,
        top: `${y}px`,
        maxWidth: `${plan.step * 0.7}px`,
        minWidth: `${plan.step * 0.62}px`,
        '--half': `${plan.full / 2}px`
      }
}

const reasonTexts: Record<string, string> = {
  BOGUS: 'The real–bogus score of this alert is below the admitted minimum: it is probably an artefact.',
  SOLAR_SYSTEM: 'A known minor planet is at this position and is probably the source of the alert.',
  TOO_FEW_DETECTIONS: 'The object has fewer detections than the required minimum.',
  PROGRAM: 'The alert belongs to a survey programme that is not admitted; its photometry is not stored.'
}

/** Why the newest alert was not classified. */
function Reason() {
  const reason = currentClassification.value?.reason
  if (!reason || moment.value !== null) return null
  return (
    <p class="note">
      <strong>Not classified: {reason}.</strong> {reasonTexts[reason] ?? ''}
    </p>
  )
}
