import { setTimeout as sleep } from 'node:timers/promises'
import v8 from 'node:v8'
import type { SimulatedLightCurve } from '@hierax/training/light-curves/light-curve.ts'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { bundledModel, readModelFolder } from 'hierax/classifier/model-folder.ts'
import { endSignal } from 'hierax/cli/end-signal.ts'
import { publishAll } from 'hierax/cli/publish.ts'
import { Screen } from 'hierax/cli/terminal/screen.ts'
import { HieraxError } from 'hierax/errors.ts'
import { endProcess } from 'hierax/process-end.ts'
import { createLogger } from 'hierax/telemetry/logger.ts'
import { findBroker, inProcess } from '../demo/broker.ts'
import { ConfidenceTracker, HighlightPicker } from '../demo/confidence.ts'
import { type Demo, startDemo } from '../demo/demo.ts'
import { limitInFlight } from '../demo/limit-in-flight.ts'
import { SimulatedStream } from '../demo/simulated-stream.ts'
import { findSpotlight, playSpotlight, type Spotlight } from '../demo/spotlight.ts'
import { readStats } from '../demo/stats.ts'
import { Truth } from '../demo/truth.ts'
import { confidentLine, greeting, spotlightLine, startingLine, statusLine, summaryLines } from './demo-text.ts'

/** Options of `hierax demo` as commander gives them. */
export interface DemoOptions {
  readonly rate: number
  readonly seed: number
  readonly port?: number
  readonly brokers?: string[]
  readonly for?: number
  readonly objects?: number
  readonly inProcess?: true
}

/** What every part of a demo run uses. */
interface DemoContext {
  readonly options: DemoOptions
  readonly curves: readonly SimulatedLightCurve[]
  readonly screen: Screen
  readonly picker: HighlightPicker
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
}

/** The context once the stream is ready. */
interface StreamContext extends DemoContext {
  readonly tracker: ConfidenceTracker
  readonly stream: SimulatedStream
}

/** Interval of the status on a terminal, and in other output, ms. */
const refreshInterval = 500
const printInterval = 5000

/** Packets are sent together this often, ms: a request for each of them would cost the broker and the service more than the alerts do. */
const publishInterval = 250

/** Delay of the spotlight's first alert, ms: time to open its page. */
const spotlightDelay = 12_000

/**
 * Limit of unprocessed alerts: about those of one second, so that a busy machine is not overloaded and the spotlight's alerts do
 * not wait in a long queue.
 */
const maxInFlight = (rate: number) => Math.min(500, Math.max(100, rate))

/** At most one confident object is printed per interval, ms. */
const highlightInterval = 1000

/** Runs `hierax demo` until Ctrl-C or the limit that the options give. */
export async function demo(options: DemoOptions): Promise<void> {
  // Packets lie outside of V8's heap, but count for its limit. With V8's own limit of about 1.5 times what the heap holds, it would mark the whole heap
  // more than once a second.
  v8.setFlagsFromString('--heap-growing-percent=200')
  const screen = new Screen()
  const signal = endSignal(() => screen.status('Stopping …'))
  const curves: SimulatedLightCurve[] = []
  for await (const curve of readLightCurves()) curves.push(curve)
  screen.line(startingLine(screen, curves.length))
  const context: DemoContext = { options, curves, screen, picker: new HighlightPicker(), signal }
  const cleanup: (() => unknown)[] = []
  let summary: string[] = []
  try {
    summary = await run(context, step => cleanup.unshift(step))
  } catch (thrown) {
    if (!signal.aborted) throw thrown
  } finally {
    if (!signal.aborted) screen.status('Stopping …')
    await cleanUp(cleanup, screen)
    screen.clear()
    for (const line of summary) screen.line(line)
    // kafkajs may keep sockets and timers open for up to a minute.
    setTimeout(() => endProcess(), 1000).unref()
  }
}

/** Starts everything, publishes the stream to its end, and returns the summary. */
async function run(context: DemoContext, atEnd: (step: () => unknown) => void): Promise<string[]> {
  const { options, screen, signal, picker, curves } = context
  const broker = options.inProcess
    ? inProcess
    : await findBroker({ given: givenBrokers(options), signal, report: line => screen.line(`  ${line}`) })
  atEnd(() => broker.stop())
  signal.throwIfAborted()
  let spotlight: Spotlight | null = null
  let spotlightReported = false
  let stream: SimulatedStream | null = null
  const truth = new Truth((await readModelFolder(bundledModel)).taxonomy)
  const tracker = new ConfidenceTracker({
    labelOf: id => (id === spotlight?.objectId ? spotlight.label : (stream?.labelOf(id) ?? null)),
    isCorrect: (label, node) => truth.isCorrect(label, node)
  })
  const demo = await startDemo({
    broker,
    port: options.port ?? null,
    logger: createLogger({ level: 'warn', pretty: true, stream: { write: line => screen.log(line) } }),
    onClassifications: bodies => {
      const confident = tracker.add(bodies)
      picker.add(confident.filter(({ objectId }) => objectId !== spotlight?.objectId))
      const own = confident.find(
        ({ objectId, path }) => objectId === spotlight?.objectId && path.includes(spotlight.node)
      )
      if (own && !spotlightReported) screen.line(spotlightLine(screen, own, demo.hierax.address))
      spotlightReported ||= own !== undefined
    },
    atEnd
  })
  const [model] = demo.hierax.models
  // With --objects, the stream has exactly that many objects.
  if (model && options.objects === undefined) spotlight = await findSpotlight(curves, model)
  const others = curves.filter(curve => curve !== spotlight?.curve)
  stream = new SimulatedStream(others, { seed: options.seed, objects: options.objects ?? null })
  const streaming: StreamContext = { ...context, tracker, stream }
  for (const line of greeting(screen, broker, demo, { spotlight, example: stream.example })) screen.line(line)
  const start = performance.now()
  const seconds = () => (performance.now() - start) / 1000
  const stopDisplay = startDisplay(streaming, demo, seconds)
  try {
    await publish(streaming, demo, spotlight)
  } finally {
    await stopDisplay()
  }
  return summaryLines(await readStats(demo.hierax.metrics), tracker, seconds())
}

/** Publishes the stream until Ctrl-C, the time limit, or the last alert is processed. Rejects if the service or a publisher fails. */
async function publish(
  { options, stream, signal }: StreamContext,
  { hierax, publisher }: Demo,
  spotlight: Spotlight | null
): Promise<void> {
  const ended = new AbortController()
  const timer = options.for === undefined ? null : setTimeout(() => ended.abort(), options.for * 1000)
  const stop = AbortSignal.any([signal, ended.signal])
  const progress = { advance: () => {}, stop: () => {} }
  const spotlightPlayed = spotlight
    ? playSpotlight(spotlight, publisher, { delay: spotlightDelay, signal: stop })
    : null
  spotlightPlayed?.catch(() => {}) // awaited below
  const packets = limitInFlight(stream.packets(), {
    maxInFlight: maxInFlight(options.rate),
    processed: async () => (await readStats(hierax.metrics)).alerts,
    flush: () => publisher.flush(),
    signal: stop
  })
  async function* withoutKeys() {
    for await (const bytes of packets) yield { bytes }
  }
  const publishing = publishAll(withoutKeys(), publisher, {
    rate: options.rate,
    pause: publishInterval,
    progress,
    signal: stop
  })
  try {
    const published = await Promise.race([publishing, hierax.ended])
    if (!published) throw new HieraxError('INTERNAL', 'the service stopped unexpectedly')
    while (!stop.aborted && (await readStats(hierax.metrics)).alerts < published.packets) await sleep(100)
  } finally {
    if (timer) clearTimeout(timer)
    ended.abort()
    await publishing.catch(() => {})
    await spotlightPlayed
  }
}

/** Displays the status and confident objects at intervals; returns a function that stops it. */
function startDisplay({ screen, tracker, picker, signal }: StreamContext, demo: Demo, seconds: () => number) {
  const stopped = new AbortController()
  const every = async (ms: number, act: () => unknown): Promise<void> => {
    while (!stopped.signal.aborted) {
      await sleep(ms, undefined, { signal: stopped.signal }).catch(() => {})
      if (!stopped.signal.aborted && !signal.aborted) await act()
    }
  }
  let previous = { alerts: 0, at: 0 }
  let rate = 0
  const status = every(screen.live ? refreshInterval : printInterval, async () => {
    const stats = await readStats(demo.hierax.metrics)
    const now = seconds()
    const current = (stats.alerts - previous.alerts) / Math.max(0.001, now - previous.at)
    // Batches complete in bursts, so a terminal shows a moving average.
    rate = screen.live && previous.at > 0 ? rate + (current - rate) * 0.2 : current
    previous = { alerts: stats.alerts, at: now }
    if (!signal.aborted) screen.status(statusLine(screen, stats, tracker, rate, now))
  })
  const highlights = every(highlightInterval, () => {
    const object = picker.take()
    if (object) screen.line(confidentLine(screen, object))
  })
  return async () => {
    stopped.abort()
    await Promise.all([status, highlights])
  }
}

/** Brokers from --brokers or KAFKA_BROKERS; null if neither is set. */
function givenBrokers({ brokers }: DemoOptions): readonly string[] | null {
  if (brokers) return brokers
  const listed = (process.env.KAFKA_BROKERS ?? '')
    .split(',')
    .map(broker => broker.trim())
    .filter(broker => broker !== '')
  return listed.length > 0 ? listed : null
}

/** Runs the cleanup steps in order. A failing step is reported and does not prevent the others. */
async function cleanUp(steps: readonly (() => unknown)[], screen: Screen): Promise<void> {
  for (const step of steps) {
    try {
      await step()
    } catch (thrown) {
      screen.log(`hierax: cleanup failed: ${HieraxError.from(thrown).message}\n`)
    }
  }
}
