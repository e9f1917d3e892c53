import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { rounded } from '@hierax/training/light-curves/light-curve.ts'
import { stages } from 'hierax/pipeline/batch-stats.ts'
import { spawnSource } from '../../spawn-source.ts'
import type { AlertStream } from '../load/alert-stream.ts'
import { recordBatches } from '../load/record-batch.ts'
import { writeSpool } from '../load/spool.ts'
import { Answers, percentile } from './answers.ts'
import type { Cluster } from './cluster.ts'
import { type Metrics, Workers, type WorkersOptions } from './workers.ts'

/** A range of a stream's epochs on a topic. */
export interface Load {
  readonly stream: AlertStream
  readonly topic: string
  readonly from: number
  readonly to: number
  /** Alerts of the epochs before this one only warm up the process. */
  readonly measuredFrom?: number
}

/** The comparison of a phase's output with its input. */
export interface Check {
  readonly phase: string
  readonly alerts: number
  readonly ok: boolean
  readonly problems: readonly string[]
}

/** Compares output with input. Without `exact`, redelivery after a rebalance may repeat classifications. */
export function check(
  phase: string,
  load: Load,
  answers: Answers,
  { before, after, exact }: { before: Metrics | null; after: Metrics; exact: boolean }
): Check {
  const problems: string[] = []
  const { expected, missing } = answers.compare(load.stream.names(load.from, load.to))
  if (missing.length > 0) problems.push(`${missing.length} alerts have no classification, the first is ${missing[0]}`)
  const classified = increase(before, after, 'hierax_outcomes_total{outcome="classified"}')
  const outcomes = increase(before, after, 'hierax_outcomes_total')
  const fits = exact ? outcomes === expected && classified === expected : classified >= expected
  if (!fits) problems.push(`${outcomes} outcomes, ${classified} of them classified, expected ${expected}`)
  return { phase, alerts: expected, ok: problems.length === 0, problems }
}

/** Throughput over the measured epochs. */
export function throughput(load: Load, answers: Answers, workers: Workers, cluster: Cluster) {
  const { from, to, alerts } = answers.span(new Set(load.stream.names(load.measuredFrom ?? load.from, load.to)))
  const cpu = workers.cpuSeconds(from, to)
  const idle = workers.idleShare(from, to)
  const broker = cluster.meter?.cpuSeconds(from, to) ?? null
  return {
    alerts,
    seconds: rounded((to - from) / 1000, 2),
    alertsPerSecond: rounded((alerts / (to - from)) * 1000, 0),
    alertsPerCpuSecond: cpu === null ? null : rounded(alerts / cpu, 0),
    microsecondsOfCpuPerAlert: cpu === null ? null : rounded((cpu / alerts) * 1e6, 0),
    mainThreadIdleShare: idle === null ? null : rounded(idle, 3),
    alertsPerCpuSecondOfBroker: broker === null ? null : rounded(alerts / broker, 0)
  }
}

interface PhaseOptions extends Pick<WorkersOptions, 'count' | 'store' | 'profile' | 'build' | 'settings'> {
  readonly name: string
  /** A further load at a fixed rate, for the same processes. */
  readonly paced?: Load & { rate: number }
}

/** Lets new workers process a load at full speed, then the paced one, and checks their output. */
async function measure(cluster: Cluster, load: Load, options: PhaseOptions) {
  const { count, name, paced } = options
  const output = `${load.topic}.${name}.answers`
  const inputs = [load.topic, ...(paced ? [paced.topic] : [])]
  const workers = await Workers.start({ cluster, inputs, output, ...options })
  try {
    const alerts = load.stream.objects * (load.to - load.from)
    const after = await workers.answered(alerts)
    const answers = await Answers.read(cluster.tools, output)
    const exact = count === 1
    const result = check(name, load, answers, { before: null, after, exact })
    const figures = throughput(load, answers, workers, cluster)
    const pace = paced ? await atRate(cluster, workers, paced, { output, before: after, alerts, exact }) : null
    const checks = [result, ...(pace ? [pace.check] : [])]
    const peakMegabytes = workers.peakMegabytes()
    return { checks, figures: { ...figures, peakMegabytes }, after, alerts, pace }
  } finally {
    await workers.stop()
  }
}

/** The first epoch on an empty store: every object is unknown. Leaves the filled store. */
export async function cold(cluster: Cluster, load: Load, options: Omit<PhaseOptions, 'count'>) {
  return measure(cluster, load, { ...options, count: 1 })
}

/** Alerts of known objects on a copy of the store. */
export async function warm(cluster: Cluster, load: Load, options: PhaseOptions) {
  const store = `${options.store}-${options.name}`
  fs.cpSync(options.store, store, { recursive: true })
  try {
    const found = await measure(cluster, load, { ...options, store })
    const figures = {
      workers: options.count,
      ...found.figures,
      meanBatch: meanBatch(null, found.after),
      stageMicrosecondsPerAlert: stageMicroseconds(found.after, found.alerts)
    }
    return { ...found, figures }
  } finally {
    fs.rmSync(store, { recursive: true, force: true })
  }
}

/** Sends alerts at a fixed rate to running workers. */
async function atRate(
  cluster: Cluster,
  workers: Workers,
  load: Load & { rate: number },
  { output, before, alerts, exact }: { output: string; before: Metrics; alerts: number; exact: boolean }
) {
  const spool = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-bench-')), 'packets')
  try {
    writeSpool(spool, recordBatches(load.stream.packets(load.from, load.to), perBatch))
    const offered = await offer(cluster, load, spool)
    const after = await workers.answered(alerts + load.stream.objects * (load.to - load.from))
    const answers = await Answers.read(cluster.tools, output)
    const latencies = answers.latencies(new Set(load.stream.names(load.from, load.to)))
    return {
      check: check('paced', load, answers, { before, after, exact }),
      figures: {
        alerts: latencies.length,
        offeredPerSecond: rounded(offered.rate, 0),
        producerLateByMs: rounded(offered.latestMs, 0),
        p50: percentile(latencies, 0.5),
        p95: percentile(latencies, 0.95),
        p99: percentile(latencies, 0.99),
        max: latencies.at(-1) ?? null,
        meanBatch: meanBatch(before, after)
      }
    }
  } finally {
    fs.rmSync(path.dirname(spool), { recursive: true, force: true })
  }
}

/** Packets per record batch of the paced load; small, as the survey's producer does not wait long. */
const perBatch = 4

async function offer(cluster: Cluster, { topic, rate }: Load & { rate: number }, spool: string) {
  const args = [cluster.brokers.join(','), topic, rate, perBatch, spool]
  const child = spawnSource(new URL('../load/offer.ts', import.meta.url), args)
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  if (code !== 0) throw new Error(`The paced producer exited with ${code}`)
  return JSON.parse(printed) as { rate: number; latestMs: number }
}

/** Increase of a metric, summed over its labels if only the name is given. */
function increase(before: Metrics | null, after: Metrics, name: string): number {
  const value = (metrics: Metrics): number => {
    let sum = 0
    for (const [key, sample] of metrics) if (key === name || key.startsWith(`${name}{`)) sum += sample
    return sum
  }
  return value(after) - (before ? value(before) : 0)
}

/** Wall time of each stage, µs per alert. Stages include waits for disk and broker, and overlap between batches. */
function stageMicroseconds(after: Metrics, alerts: number): Record<string, number> {
  return Object.fromEntries(
    stages.map(stage => {
      const seconds = increase(null, after, `hierax_stage_seconds_sum{stage="${stage}"}`)
      return [stage, Math.round((seconds / alerts) * 1e6)]
    })
  )
}

/** Mean number of alerts per batch. */
function meanBatch(before: Metrics | null, after: Metrics): number {
  const batches = increase(before, after, 'hierax_batch_alerts_count')
  return Math.round((increase(before, after, 'hierax_batch_alerts_sum') / batches) * 10) / 10
}
