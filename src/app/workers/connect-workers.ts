import { HieraxError } from '../../errors.ts'
import type { Classification } from '../../messages/classification.ts'
import type { StreamsFactory } from '../kafka-streams.ts'
import { WorkerGroup } from './group.ts'

/**
 * Streams that are read, worked on and written by worker processes. This process gets to know what they published, counted and
 * how they do, and shows it as if it had done all of it.
 */
export const connectWorkers: StreamsFactory = (config, { logger, metrics, health, onClassifications }) => {
  const group = new WorkerGroup({
    count: config.workers,
    // This process serves HTTP and drops old objects for all.
    config: { ...config, workers: 1, store: { ...config.store, keepDays: null } },
    logger,
    onClassifications: bodies => onClassifications(bodies.map(fromJson)),
    onRestart: () => metrics.increment('workerRestarts')
  })
  health.delegate(group)
  metrics.addWorkers(() => group.metrics())
  return {
    sink: {
      send: () => Promise.reject(new HieraxError('INTERNAL', 'Only workers publish')),
      close: async () => {}
    },
    run: () => group.run(),
    stop: () => group.stop()
  }
}

function fromJson(json: Record<string, unknown>): Classification {
  return { ...json, candid: BigInt(json.candid as string) } as unknown as Classification
}
