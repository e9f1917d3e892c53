import type { Profiler } from 'node:inspector'

/** A function with its total time and callees. */
interface Frame {
  readonly name: string
  readonly place: string
  /** Microseconds, including callees. */
  total: number
  readonly calls: Map<string, Frame>
}

const width = 1200
const rowHeight = 16
/** Frames below this share of the total are omitted. */
const minShare = 0.0005

/** A CPU profile as one HTML page with a flame graph: width is time, a click zooms, and it loads nothing. */
export function flameGraph(profile: Profiler.Profile, title: string): string {
  const root = frames(profile)
  const boxes: string[] = []
  let depth = 0
  const draw = (frame: Frame, left: number, row: number): void => {
    depth = Math.max(depth, row)
    boxes.push(box(frame, left, row, root.total))
    let at = left
    for (const call of [...frame.calls.values()].sort((a, b) => b.total - a.total)) {
      if (call.total / root.total >= minShare) draw(call, at, row + 1)
      at += call.total / root.total
    }
  }
  draw(root, 0, 0)
  const height = (depth + 1) * rowHeight
  return `<!doctype html><meta charset="utf-8"><title>${escaped(title)}</title>
<style>body{font:13px sans-serif;margin:12px}rect{stroke:#fff;stroke-width:.5}text{font:11px monospace;pointer-events:none}</style>
<h1 style="font-size:16px">${escaped(title)}</h1>
<p>Width is CPU time of the main thread; callers are above callees. Click a box to zoom in, the top one to zoom out.</p>
<svg viewBox="0 0 ${width} ${height}" width="100%" preserveAspectRatio="none" style="height:${height}px">${boxes.join('')}</svg>
<script>${script}</script>
`
}

/** Merges the profile's nodes into frames by name and location, without idle time. */
function frames({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Frame {
  const own = new Map<number, number>()
  for (const [index, id] of samples.entries()) own.set(id, (own.get(id) ?? 0) + (timeDeltas[index] ?? 0))
  const byId = new Map(nodes.map(node => [node.id, node]))
  const root: Frame = { name: 'all', place: '', total: 0, calls: new Map() }
  const add = (node: Profiler.ProfileNode, into: Frame): number => {
    const { functionName, url, lineNumber } = node.callFrame
    if (functionName === '(idle)') return 0
    const place = `${shortened(url)}:${lineNumber + 1}`
    const key = `${functionName}@${place}`
    const frame = into.calls.get(key) ?? { name: functionName || '(anonymous)', place, total: 0, calls: new Map() }
    into.calls.set(key, frame)
    let total = own.get(node.id) ?? 0
    for (const child of node.children ?? []) total += add(byId.get(child) as Profiler.ProfileNode, frame)
    frame.total += total
    return total
  }
  const [top] = nodes
  for (const child of top?.children ?? []) root.total += add(byId.get(child) as Profiler.ProfileNode, root)
  return root
}

/** Self time by part of the program (a folder of src/, a package, or the runtime), descending, microseconds. */
export function byPart({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): [string, number][] {
  const byId = new Map(nodes.map(node => [node.id, node]))
  const parents = new Map(nodes.flatMap(node => (node.children ?? []).map(child => [child, node.id] as const)))
  const partOf = (id: number): string => {
    const { functionName } = (byId.get(id) as Profiler.ProfileNode).callFrame
    if (functionName.startsWith('(') && functionName !== '(anonymous)') return functionName
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const place = shortened((byId.get(at) as Profiler.ProfileNode).callFrame.url)
      if (place.startsWith('src/') || !place.startsWith('node:')) {
        const part = /^(src\/[^/]+|(?:@[^/]+\/)?[^/:]+)/.exec(place)?.[1]
        if (part) return part
      }
    }
    return 'node'
  }
  const parts = new Map<string, number>()
  for (const [index, id] of samples.entries()) {
    const part = partOf(id)
    if (part !== '(idle)') parts.set(part, (parts.get(part) ?? 0) + (timeDeltas[index] ?? 0))
  }
  return [...parts].sort((a, b) => b[1] - a[1])
}

/** A script's URL without machine-specific parts. */
function shortened(url: string): string {
  const modules = url.lastIndexOf('/node_modules/')
  if (modules >= 0) return url.slice(modules + '/node_modules/'.length)
  const built = url.lastIndexOf('/dist/')
  return built >= 0 ? `src/${url.slice(built + '/dist/'.length)}` : url
}

function box({ name, place, total }: Frame, left: number, row: number, whole: number): string {
  const share = total / whole
  const x = left * width
  const label = `${name} ${place} ${(share * 100).toFixed(1)} %`
  const hue = place.startsWith('src/') ? 35 : place.startsWith('kafkajs') ? 200 : place.startsWith('node:') ? 120 : 0
  const letters = Math.floor((share * width) / 7)
  const text =
    letters > 3 ? `<text x="${x + 2}" y="${row * rowHeight + 12}">${escaped(name.slice(0, letters))}</text>` : ''
  const fill = `hsl(${hue} 70% ${70 + (row % 3) * 5}%)`
  const rect = `<rect x="${x}" y="${row * rowHeight}" width="${share * width}" height="${rowHeight}" fill="${fill}"/>`
  return `<g data-x="${left}" data-w="${share}">${rect}<title>${escaped(label)}</title>${text}</g>`
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`)
}

const script = `
const svg = document.querySelector('svg'), groups = [...svg.querySelectorAll('g')]
svg.addEventListener('click', event => {
  const chosen = event.target.closest('g')
  if (!chosen) return
  const x = +chosen.dataset.x, w = +chosen.dataset.w
  for (const group of groups) {
    const rect = group.querySelector('rect'), text = group.querySelector('text')
    const left = Math.max(0, (+group.dataset.x - x) / w), right = Math.min(1, (+group.dataset.x + +group.dataset.w - x) / w)
    group.style.display = right > left ? '' : 'none'
    rect.setAttribute('x', left * ${width}); rect.setAttribute('width', Math.max(0, right - left) * ${width})
    text?.setAttribute('x', left * ${width} + 2)
  }
})`
