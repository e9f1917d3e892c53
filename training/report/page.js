/* global d3 */
import { confusionPlot, daysText, legend, metricPlot, noveltyPlot, purityPlot, reliabilityPlot } from './plots.js'

const metrics = [
  { key: 'accuracy', title: 'Accuracy', better: 'Higher' },
  { key: 'macroF1', title: 'Macro-F1', better: 'Higher' },
  { key: 'logLoss', title: 'Log loss', better: 'Lower' },
  { key: 'calibrationError', title: 'Expected calibration error', better: 'Lower' },
  { key: 'brier', title: 'Brier score', better: 'Lower' },
  { key: 'top2', title: 'Right class first or second', better: 'Higher' },
  { key: 'mistakeDistance', title: 'Edges of a mistake in the tree', better: 'Lower' }
]
/** More classes than this make no picture that can be read. */
const mostClasses = 60

const { axis, evaluations } = JSON.parse(document.getElementById('evaluation').textContent)
const place = id => document.getElementById(id)

function heading(text) {
  const element = document.createElement('h3')
  element.textContent = text
  return element
}

function grid(children, className = '') {
  const element = document.createElement('div')
  element.className = `grid ${className}`
  element.append(...children)
  return element
}

/** What does not depend on the cut that is chosen. */
function drawAll() {
  const sets = evaluations[0].sets
  place('metrics').append(
    legend(sets.map(({ title }) => title)),
    grid(metrics.map(metric => metricPlot(evaluations, metric, axis)))
  )
  const cuts = evaluations.map(({ days }) => (days === 'full' ? 'whole curves' : `${days} ${axis}`))
  place('reliability').append(
    legend(cuts),
    grid(
      sets.map(({ title }, which) =>
        reliabilityPlot(
          title,
          evaluations.map(each => each.sets[which].reliability)
        )
      )
    )
  )
}

/** All that is shown at one cut. */
function drawCut({ sets, nodes, novelty }) {
  const shown = sets.filter(({ objects }) => objects > 0)
  const size = { width: 216, height: 190, marginLeft: 40, marginBottom: 34, style: { fontSize: '12px' } }
  place('nodes').replaceChildren(
    grid(
      nodes.map(({ node, members, bins }) => reliabilityPlot(`${node} (${members})`, [bins], size)),
      'small'
    )
  )
  place('confusion').replaceChildren(...shown.filter(({ classes }) => classes.length <= mostClasses).map(confusionPlot))
  place('purity').replaceChildren(
    ...shown.flatMap(({ title, classes, purity, perClass }) => [
      heading(`Among ${title}`),
      grid(
        classes.map((name, which) => purityPlot(name, purity[name], perClass[which].objects)),
        'small'
      )
    ])
  )
  const none = document.createElement('p')
  none.textContent = 'This model judges no novelty.'
  place('nodes-section').hidden = nodes.length === 0
  place('novelty').replaceChildren(
    novelty === null
      ? none
      : grid([
          noveltyPlot('Objects of known classes', novelty.known, d3.sum(novelty.known), 0),
          ...(d3.sum(novelty.others) > 0
            ? [noveltyPlot('Objects whose label the taxonomy does not know', novelty.others, d3.sum(novelty.others), 1)]
            : [])
        ])
  )
}

if (evaluations.length > 0) {
  const choice = place('days')
  for (const [at, { days }] of evaluations.entries()) choice.append(new Option(daysText(days), String(at)))
  choice.value = String(evaluations.length - 1)
  choice.addEventListener('change', () => drawCut(evaluations[Number(choice.value)]))
  drawAll()
  drawCut(evaluations.at(-1))
}
document.documentElement.dataset.drawn = 'true'
