/** Preloaded into `hierax` (`node --import`): the pipeline fails once, after it has decoded its first portion, like a bug would make it. */
import { Pipeline } from '../../dist/pipeline.js'

const { attempt } = Pipeline.prototype
let failed = false

Pipeline.prototype.attempt = async function (batch, control) {
  if (failed) return await attempt.call(this, batch, control)
  failed = true
  for (const { value } of batch.messages) {
    try {
      this.parts.decode(value)
    } catch {
      // The retry rejects it.
    }
  }
  throw new Error('a bug')
}
