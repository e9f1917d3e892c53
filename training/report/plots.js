/* global Plot, d3 */

/** Colours that colour-blind readers tell apart (Okabe and Ito), each with a symbol of its own. */
const dark = matchMedia('(prefers-color-scheme: dark)').matches
const hues = dark
  ? ['#56b4e9', '#e69f00', '#009e73', '#f0e442', '#cc79a7', '#d55e00', '#bbbbbb']
  : ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#8a6d00', '#56b4e9', '#555555']
const symbols = ['circle', 'square', 'triangle', 'diamond2', 'star', 'wye', 'times']
const panel = { width: 300, height: 210, marginLeft: 46, marginBottom: 34, style: { fontSize: '12px' } }
const fewest = 10
const chance = { stroke: 'currentColor', strokeOpacity: 0.45, strokeDasharray: '3 3' }

const hue = index => hues[index % hues.length]
/** Another symbol in every round of the colours, so that no two of 49 series look alike. */
const symbol = index => symbols[(index + Math.floor(index / hues.length)) % symbols.length]
const percent = value => `${(100 * value).toFixed(1)} %`
export const daysText = days => (days === 'full' ? 'full' : String(days))

/** A plot with a caption, and a text of it for those who don't see it. */
function figure(caption, description, options, className = '') {
  const plot = Plot.plot(options)
  plot.setAttribute('role', 'img')
  plot.setAttribute('aria-label', `${caption}. ${description}`)
  const element = document.createElement('figure')
  element.className = className
  const title = document.createElement('figcaption')
  title.textContent = caption
  element.append(title, plot)
  return element
}

/** Which colour and symbol stands for what. */
export function legend(names) {
  const list = document.createElement('ul')
  list.className = 'legend'
  names.forEach((name, index) => {
    const item = document.createElement('li')
    const mark = Plot.plot({
      width: 16,
      height: 16,
      margin: 0,
      axis: null,
      x: { domain: [0, 1] },
      y: { domain: [0, 1] },
      marks: [Plot.dot([[0.5, 0.5]], { r: 5, symbol: symbol(index), fill: hue(index) })]
    })
    mark.setAttribute('aria-hidden', 'true')
    item.append(mark, name)
    list.append(item)
  })
  return list
}

/** One metric of every set of classes against the days, or what else they stand for. */
export function metricPlot(evaluations, { key, title, better }, axis) {
  const points = evaluations.flatMap(({ days, sets }) =>
    sets.flatMap(({ scores, errors, mistakeDistance }, set) => {
      const value = key === 'mistakeDistance' ? mistakeDistance : scores?.[key]
      return value === null || value === undefined
        ? []
        : [{ days: daysText(days), set, value, error: errors?.[key] ?? 0 }]
    })
  )
  const last = points.filter(({ days }) => days === daysText(evaluations.at(-1).days))
  const description = `${better} is better. At the last cut: ${last.map(({ value }) => value.toFixed(3)).join(', ')}, in the order of the sets.`
  const high = ['accuracy', 'macroF1', 'top2'].includes(key) ? 1 : d3.max(points, ({ value, error }) => value + error)
  return figure(title, description, {
    ...panel,
    x: { type: 'point', domain: evaluations.map(({ days }) => daysText(days)), label: axis },
    y: { domain: [0, high || 1], label: null, grid: true, nice: true },
    marks: [
      Plot.ruleX(points, {
        x: 'days',
        y1: ({ value, error }) => Math.max(0, value - error),
        y2: ({ value, error }) => value + error,
        stroke: ({ set }) => hue(set),
        strokeOpacity: 0.6
      }),
      Plot.line(points, { x: 'days', y: 'value', z: 'set', stroke: ({ set }) => hue(set), strokeWidth: 1.5 }),
      ...d3
        .groups(points, ({ set }) => set)
        .map(([set, some]) =>
          Plot.dot(some, { x: 'days', y: 'value', r: 3.5, symbol: symbol(set), fill: hue(set), tip: true })
        )
    ]
  })
}

/** Predicted against observed, with the error of the share, for one or several series of bins. */
export function reliabilityPlot(title, series, size = panel) {
  const bins = series.flatMap((some, index) =>
    some.map(({ predicted, observed, objects }) => {
      const error = Math.sqrt(Math.max(observed * (1 - observed), 0.25 / objects) / objects)
      return {
        predicted,
        observed,
        objects,
        index,
        low: Math.max(0, observed - error),
        high: Math.min(1, observed + error)
      }
    })
  )
  const worst = d3.greatest(bins, ({ predicted, observed, objects }) => Math.abs(predicted - observed) * objects)
  const description =
    worst === undefined
      ? 'No objects.'
      : `Share against predicted probability; the diagonal is perfect. Farthest off, weighted by objects: ${percent(worst.predicted)} was said, ${percent(worst.observed)} was true, of ${worst.objects} objects.`
  return figure(title, description, {
    ...size,
    x: { domain: [0, 1], label: 'predicted', ticks: 5 },
    y: { domain: [0, 1], label: 'observed', ticks: 5, grid: true },
    r: { range: [1.5, 6], domain: [0, d3.max(bins, ({ objects }) => objects) || 1] },
    marks: [
      Plot.line(
        [
          [0, 0],
          [1, 1]
        ],
        chance
      ),
      Plot.ruleX(bins, {
        x: 'predicted',
        y1: 'low',
        y2: 'high',
        stroke: ({ index }) => hue(index),
        strokeOpacity: 0.6
      }),
      // A bin of few objects says too little to draw a line through it.
      Plot.line(
        bins.filter(({ objects }) => objects >= fewest),
        {
          x: 'predicted',
          y: 'observed',
          z: 'index',
          stroke: ({ index }) => hue(index),
          strokeOpacity: 0.5
        }
      ),
      ...d3
        .groups(bins, ({ index }) => index)
        .map(([index, some]) =>
          Plot.dot(some, {
            x: 'predicted',
            y: 'observed',
            r: 'objects',
            symbol: symbol(index),
            fill: hue(index),
            title: b => `${b.objects} objects: said ${percent(b.predicted)}, true ${percent(b.observed)}`,
            tip: true
          })
        )
    ]
  })
}

/** Who is taken for whom: shares of each true class, with numbers of objects where they can be read. */
export function confusionPlot({ title, classes, confusion, scores }) {
  const cells = confusion.flatMap((row, truth) => {
    const total = d3.sum(row)
    return row.map((count, named) => ({
      truth: classes[truth],
      named: classes[named],
      count,
      share: total > 0 ? count / total : 0
    }))
  })
  const size = classes.length > 30 ? 14 : classes.length > 12 ? 26 : 44
  const left = 12 + 7 * d3.max(classes, name => Math.min(name.length, 24))
  const legible = classes.length <= 30
  return figure(
    `Confusion among ${title}`,
    `Rows are the true classes, columns the named ones.${scores === null ? '' : ` ${percent(scores.accuracy)} are right.`} The table below has all numbers.`,
    {
      width: left + size * classes.length + 20,
      height: left + size * classes.length + 20,
      marginLeft: left,
      marginTop: left,
      marginBottom: 10,
      marginRight: 20,
      style: { fontSize: '12px' },
      x: { domain: classes, axis: 'top', tickRotate: -60, label: 'named', tickSize: 0 },
      y: { domain: classes, label: 'true', tickSize: 0 },
      color: { type: 'linear', domain: [0, 1], range: dark ? ['#202227', '#56b4e9'] : ['#f4f3ef', '#0072b2'] },
      marks: [
        Plot.cell(cells, {
          x: 'named',
          y: 'truth',
          fill: 'share',
          inset: 0.5,
          title: c => `${c.truth} named ${c.named}: ${c.count} (${percent(c.share)})`,
          tip: true
        }),
        legible
          ? Plot.text(
              cells.filter(({ count }) => count > 0),
              {
                x: 'named',
                y: 'truth',
                text: ({ count }) => String(count),
                fontSize: size > 40 ? 12 : 9,
                fill: c => (c.share > 0.55 ? (dark ? '#0b1a24' : 'white') : 'currentColor')
              }
            )
          : null
      ]
    },
    'wide'
  )
}

/** Purity against completeness of one class, a point for each threshold of its probability. */
export function purityPlot(name, points, objects) {
  const known = points.filter(({ purity }) => purity !== null)
  const half = points.find(({ threshold }) => threshold === 0.5)
  const description =
    objects === 0 || half === undefined
      ? 'No objects.'
      : `At a threshold of 0.5: purity ${half.purity === null ? 'undefined' : percent(half.purity)}, completeness ${percent(half.completeness)}.`
  return figure(`${name} (${objects})`, description, {
    ...panel,
    width: 230,
    height: 190,
    x: { domain: [0, 1], label: 'completeness', ticks: 4 },
    y: { domain: [0, 1], label: 'purity', ticks: 4, grid: true },
    marks: [
      Plot.line(known, { x: 'completeness', y: 'purity', stroke: hue(0) }),
      Plot.dot(known, {
        x: 'completeness',
        y: 'purity',
        r: 3,
        fill: hue(0),
        title: p => `threshold ${p.threshold}: purity ${percent(p.purity)}, completeness ${percent(p.completeness)}`,
        tip: true
      }),
      Plot.dot(
        known.filter(({ threshold }) => threshold === 0.5),
        { x: 'completeness', y: 'purity', r: 6, stroke: 'currentColor' }
      )
    ]
  })
}

/** How many objects have which novelty, of those with a known label and of the others. */
export function noveltyPlot(title, counts, objects, index) {
  const bins = counts.map((count, at) => ({
    from: at / counts.length,
    to: (at + 1) / counts.length,
    share: objects > 0 ? count / objects : 0,
    count
  }))
  const strange = d3.sum(counts.slice(Math.round(0.95 * counts.length))) / (objects || 1)
  return figure(
    `${title} (${objects})`,
    `${percent(strange)} of them have a novelty of at least 0.95; 5 % are expected of known classes.`,
    {
      ...panel,
      x: { domain: [0, 1], label: 'novelty' },
      y: {
        label: 'share of objects',
        grid: true,
        domain: [
          0,
          Math.max(
            0.1,
            d3.max(bins, ({ share }) => share)
          )
        ]
      },
      marks: [
        Plot.rectY(bins, {
          x1: 'from',
          x2: 'to',
          y: 'share',
          fill: hue(index),
          title: b => `${b.count} objects`,
          tip: true
        }),
        Plot.ruleY([1 / counts.length], chance),
        Plot.ruleY([0])
      ]
    }
  )
}
