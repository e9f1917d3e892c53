import type { Config } from '../../config/config.ts'
import type { ErrorCode } from '../../errors.ts'
import type { PartState } from '../../service/schemas.ts'
import type { Part } from '../../telemetry/definitions.ts'
import type { MetricValues } from '../../telemetry/metrics.ts'

/** What the parent says to a worker. */
export type ToWorker =
  | { readonly type: 'start'; readonly worker: number; readonly config: Config }
  /** Asks for a `state` that is later than now. */
  | { readonly type: 'ask' }
  /** Finish the batches in work, commit them, and end. */
  | { readonly type: 'stop' }

/** How a worker does. */
export interface WorkerState {
  readonly readiness: Readonly<Record<Part, PartState>>
  readonly liveness: { readonly ok: boolean; readonly reason: string }
  readonly metrics: MetricValues
}

/** What a worker says to its parent. JSON: candids are text. */
export type FromWorker =
  | ({ readonly type: 'state' } & WorkerState)
  | { readonly type: 'classifications'; readonly bodies: readonly Record<string, unknown>[] }
  /** Why it is about to end. */
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string }
