import { parts } from '../../telemetry/definitions.ts'
import * as example from '../examples.ts'
import { boolean, integer, record, string } from './kinds.ts'

const counts = (description: string) => ({ type: 'object', additionalProperties: { type: 'integer' }, description })

/** `/api/v1/statistics`. */
export const statistics = record(
  {
    alerts: integer('alerts that came to their end since the start'),
    outcomes: record({
      classified: integer('of them classified'),
      notClassified: integer('not classified, with a reason'),
      deadLetters: integer('refused')
    }),
    lag: integer('messages still to be read by this process'),
    objects: integer('objects in the store'),
    minute: record({
      perSecond: {
        type: 'array',
        items: { type: 'integer' },
        description: 'answers of the last 60 seconds, oldest first'
      },
      classified: integer('classified answers in that minute'),
      notClassified: integer('answers without probabilities'),
      reasons: counts('those by reason'),
      nodes: counts('classified answers by the node of their prediction; without one under the empty name')
    })
  },
  { $id: 'Statistics', description: 'How the service does', examples: [example.statistics] }
)

const partState = record({ ready: boolean('whether it is ready'), reason: string('short and constant') })

/** `/health/ready`. */
export const readiness = record(
  {
    ready: boolean('whether every part is'),
    parts: record(Object.fromEntries(parts.map(part => [part, partState])))
  },
  { $id: 'Readiness', examples: [example.readiness] }
)

/** `/health/live`. */
export const liveness = record(
  { ok: boolean('whether the process works, or waits for something'), reason: string('short and constant') },
  { $id: 'Liveness', examples: [example.liveness] }
)
