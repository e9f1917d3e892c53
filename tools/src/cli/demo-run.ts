import { setTimeout as sleep } from 'node:timers/promises'
import type { SimulatedLightCurve } from '@hierax/training/light-curves/light-curve.ts'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { bundledModel, readModelFolder } from 'hierax/classifier/model-folder.ts'
import { endSignal } from 'hierax/cli/end-signal.ts'
import { publishAll } from 'hierax/cli/publish.ts'
import { Screen } from 'hierax/cli/screen.ts'
import { HieraxError } from 'hierax/errors.ts'
import { createLogger } from 'hierax/telemetry/logger.ts'
import { findBroker, inProcess } from '../demo/broker.ts'
import { type Demo, startDemo } from '../demo/demo.ts'
import { readFigures } from '../demo/figures.ts'
import { heldBack } from '../demo/held-back.ts'
import { SimulatedStream } from '../demo/simulated-stream.ts'
import { findSpotlight, playSpotlight, type Spotlight } from '../demo/spotlight.ts'
import { NewsPicker, SureWatch } from '../demo/sure.ts'
import { Truth } from '../demo/truth.ts'
import { greeting, newsLine, spotlightLine, startingLine, statusLine, summaryLines } from './demo-text.ts'

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

/** Everything that one demonstration shows. */
interface Show {
  readonly options: DemoOptions
  readonly curves: readonly SimulatedLightCurve[]
  readonly screen: Screen
  readonly news: NewsPicker
  /** Aborted when it is to end. */
  readonly signal: AbortSignal
}

/** The same with the stream that is published, and what follows its answers. */
interface Playing extends Show {
  readonly watch: SureWatch
  readonly stream: SimulatedStream
}

/** How often the status is refreshed on a terminal, and printed elsewhere, ms. */
const refresh = 500
const print = 5000

/** Time to open the page before the supernova's first alert comes, ms. */
const spotlightAfter = 12_000

/**
 * Alerts that may wait for their answers: those of a second, so that a machine that is busy elsewhere is not drowned, and
 * the supernova's alerts do not stand in a long queue.
 */
const aheadOf = (rate: number) => Math.min(500, Math.max(100, rate))

/** At most one object that became sure is shown in such a time, ms. */
const newsEvery = 1000

/** Runs `hierax demo` until Ctrl-C, or as long as the options say. */
export async function demo(options: DemoOptions): Promise<void> {
  const screen = new Screen()
  const signal = endSignal(() => screen.status('Ending …'))
  const curves: SimulatedLightCurve[] = []
  for await (const curve of readLightCurves()) curves.push(curve)
  screen.line(startingLine(screen, curves.length))
  const show: Show = {
    options,
    curves,
    screen,
    news: new NewsPicker(),
    signal
  }
  const closing: (() => unknown)[] = []
  let summary: string[] = []
  try {
    summary = await play(show, close => closing.unshift(close))
  } catch (thrown) {
    if (!signal.aborted) throw thrown
  } finally {
    screen.status('Ending …')
    await closeAll(closing, screen)
    screen.clear()
    for (const line of summary) screen.line(line)
    // kafkajs may hold on to sockets and timers for up to a minute; nothing is left for them to do.
    setTimeout(() => process.exit(), 1000).unref()
  }
}

/** Starts everything, shows it until it ends, and returns what is to be said of it. */
async function play(show: Show, atEnd: (close: () => unknown) => void): Promise<string[]> {
  const { options, screen, signal, news, curves } = show
  const broker = options.inProcess
    ? inProcess
    : await findBroker({ named: namedBrokers(options), signal, say: line => screen.line(`  ${line}`) })
  atEnd(() => broker.stop())
  signal.throwIfAborted()
  let spotlight: Spotlight | null = null
  let spotlightTold = false
  let stream: SimulatedStream | null = null
  const truth = new Truth((await readModelFolder(bundledModel)).taxonomy)
  const watch = new SureWatch({
    labelOf: id => (id === spotlight?.objectId ? spotlight.label : (stream?.labelOf(id) ?? null)),
    isRight: (label, node) => truth.isRight(label, node)
  })
  const demo = await startDemo({
    broker,
    port: options.port ?? null,
    logger: createLogger({ level: 'warn', pretty: true, stream: { write: line => screen.log(line) } }),
    onClassifications: bodies => {
      const seen = watch.see(bodies)
      news.add(seen.filter(({ objectId }) => objectId !== spotlight?.objectId))
      const own = seen.find(({ objectId, path }) => objectId === spotlight?.objectId && path.includes(spotlight.node))
      if (own && !spotlightTold) screen.line(spotlightLine(screen, own, demo.hierax.address))
      spotlightTold ||= own !== undefined
    },
    atEnd
  })
  const [model] = demo.hierax.models
  // Who counts objects wants those and no other.
  if (model && options.objects === undefined) spotlight = await findSpotlight(curves, model)
  const others = curves.filter(curve => curve !== spotlight?.curve)
  stream = new SimulatedStream(others, { seed: options.seed, objects: options.objects ?? null })
  const playing: Playing = { ...show, watch, stream }
  for (const line of greeting(screen, broker, demo, { spotlight, example: stream.example })) screen.line(line)
  const began = performance.now()
  const seconds = () => (performance.now() - began) / 1000
  const stopShowing = keepShowing(playing, demo, seconds)
  try {
    await flow(playing, demo, spotlight)
  } finally {
    await stopShowing()
  }
  return summaryLines(await readFigures(demo.hierax.metrics), watch, seconds())
}

/** Publishes the stream until Ctrl-C, until the time is up, or until all of it was answered. Rejects when one end fails. */
async function flow(
  { options, stream, signal }: Playing,
  { hierax, publisher }: Demo,
  spotlight: Spotlight | null
): Promise<void> {
  const over = new AbortController()
  const timer = options.for === undefined ? null : setTimeout(() => over.abort(), options.for * 1000)
  const ending = AbortSignal.any([signal, over.signal])
  const progress = { advance: () => {}, stop: () => {} }
  const playing = spotlight ? playSpotlight(spotlight, publisher, { begin: spotlightAfter, signal: ending }) : null
  playing?.catch(() => {}) // told at the end
  const packets = heldBack(stream.packets(), {
    ahead: aheadOf(options.rate),
    answered: async () => (await readFigures(hierax.metrics)).alerts,
    flush: () => publisher.flush(),
    signal: ending
  })
  const publishing = publishAll(packets, publisher, { rate: options.rate, progress, signal: ending })
  try {
    const published = await Promise.race([publishing, hierax.ended])
    if (!published) throw new HieraxError('INTERNAL', 'the service ended by itself')
    while (!ending.aborted && (await readFigures(hierax.metrics)).alerts < published.packets) await sleep(100)
  } finally {
    if (timer) clearTimeout(timer)
    over.abort()
    await publishing.catch(() => {})
    await playing
  }
}

/** Shows status and news again and again; returns how to end that. */
function keepShowing({ screen, watch, news, signal }: Playing, demo: Demo, seconds: () => number) {
  const ended = new AbortController()
  const every = async (ms: number, act: () => unknown): Promise<void> => {
    while (!ended.signal.aborted) {
      await sleep(ms, undefined, { signal: ended.signal }).catch(() => {})
      if (!ended.signal.aborted && !signal.aborted) await act()
    }
  }
  let before = { alerts: 0, at: 0 }
  let rate = 0
  const status = every(screen.live ? refresh : print, async () => {
    const figures = await readFigures(demo.hierax.metrics)
    const now = seconds()
    const current = (figures.alerts - before.alerts) / Math.max(0.001, now - before.at)
    // Batches come in bursts: on a terminal the rate is a moving average.
    rate = screen.live && before.at > 0 ? rate + (current - rate) * 0.2 : current
    before = { alerts: figures.alerts, at: now }
    if (!signal.aborted) screen.status(statusLine(screen, figures, watch, rate, now))
  })
  const events = every(newsEvery, () => {
    const one = news.take()
    if (one) screen.line(newsLine(screen, one))
  })
  return async () => {
    ended.abort()
    await Promise.all([status, events])
  }
}

/** Brokers that the command line or the environment names. */
function namedBrokers({ brokers }: DemoOptions): readonly string[] | null {
  if (brokers) return brokers
  const named = (process.env.KAFKA_BROKERS ?? '')
    .split(',')
    .map(broker => broker.trim())
    .filter(broker => broker !== '')
  return named.length > 0 ? named : null
}

/** Closes what was opened, the last first; what fails is told and does not keep the rest open. */
async function closeAll(closing: readonly (() => unknown)[], screen: Screen): Promise<void> {
  for (const close of closing) {
    try {
      await close()
    } catch (thrown) {
      screen.log(`hierax: at the end: ${HieraxError.from(thrown).message}\n`)
    }
  }
}
