// The live page: the state of the service and the latest classifications. Everything shown is set as text.

const maxRows = 50
const unixEpochJd = 2440587.5
const byId = id => document.getElementById(id)

/** Latest classifications, newest first. */
let latest = []
let received = 0
let missed = 0
let drawn = true

function element(name, text, attributes = {}) {
  const made = document.createElement(name)
  made.textContent = text
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}

function row({ jd, objectId, alert, prediction, reason, lightCurve }) {
  const time = new Date((jd - unixEpochJd) * 86_400_000).toISOString().slice(0, 19).replace('T', ' ')
  const object = document.createElement('td')
  object.append(element('a', objectId, { href: `api/v1/objects/${encodeURIComponent(objectId)}` }))
  const made = document.createElement('tr')
  made.append(
    element('td', time),
    object,
    element('td', alert?.band ?? '–'),
    element('td', alert ? alert.magnitude.toFixed(2) : '–', { class: 'number' }),
    element('td', prediction?.node ?? reason ?? 'unsure'),
    element('td', prediction ? prediction.probability.toFixed(3) : '–', { class: 'number' }),
    element('td', String(lightCurve.detections), { class: 'number' })
  )
  return made
}

/** At most one drawing a frame, however many events come. */
function draw() {
  if (!drawn) return
  drawn = false
  requestAnimationFrame(() => {
    drawn = true
    byId('rows').replaceChildren(...latest.map(row))
    const count = `${received} since this page was opened`
    byId('live').textContent =
      latest.length === 0
        ? 'None yet. They appear here as alerts arrive.'
        : missed > 0
          ? `${count}, ${missed} more came too fast to be shown`
          : count
  })
}

async function getJson(path) {
  const response = await fetch(path)
  return response.json()
}

async function showParts() {
  try {
    const { parts } = await getJson('health/ready')
    const items = Object.entries(parts).map(([name, { ready, reason }]) =>
      element('li', `${ready ? '✓' : '✗'} ${name}: ${reason}`, { class: ready ? 'good' : 'bad' })
    )
    byId('parts').replaceChildren(...items)
  } catch {
    byId('parts').replaceChildren(element('li', '✗ the service does not answer', { class: 'bad' }))
  }
}

async function showModel() {
  const { models } = await getJson('api/v1/model')
  byId('model').textContent = models
    .map(({ name, version, runtime, sha256 }) => `${name} ${version} (${runtime}, ${sha256.slice(0, 12)})`)
    .join(' · ')
}

function listen() {
  const events = new EventSource('api/v1/events')
  events.addEventListener('classification', ({ data }) => {
    latest = [JSON.parse(data), ...latest].slice(0, maxRows)
    received++
    draw()
  })
  events.addEventListener('dropped', ({ data }) => {
    missed += JSON.parse(data).count
    draw()
  })
  events.addEventListener('error', () => {
    byId('live').textContent = 'The connection was lost; trying again …'
  })
  events.addEventListener('open', draw)
}

showParts()
setInterval(showParts, 5000)
showModel().catch(() => {})
getJson(`api/v1/recent?limit=${maxRows}`)
  .then(recent => {
    latest = [...latest, ...recent].slice(0, maxRows)
    draw()
  })
  .catch(() => {})
listen()
