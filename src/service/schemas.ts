import { problem } from './schemas/answers.ts'
import { classification } from './schemas/classification.ts'
import { model, taxonomy } from './schemas/models.ts'
import { history, object } from './schemas/objects.ts'
import { liveness, readiness, statistics } from './schemas/service.ts'

/*
 * JSON schemas of what is answered: the OpenAPI document is made of them. Answers are written by JSON.stringify, not by
 * the schemas, so that a message keeps the fields and the order that it has on Kafka; a test holds the two together.
 */

/** Schemas that others refer to by name. */
export const sharedSchemas = [
  problem,
  classification,
  object,
  history,
  statistics,
  taxonomy,
  model,
  readiness,
  liveness
]
