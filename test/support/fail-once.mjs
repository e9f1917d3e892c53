/** Preloaded into `hierax` (`node --import`): the pipeline fails once, after it has decoded its first portion, as a defect of ours would. */
import { Pipeline } from '../../dist/pipeline.js'

const { attempt } = Pipeline.prototype
let failed = false

Pipeline.prototype.attempt = async function (passage, control) {
  if (failed) return await attempt.call(this, passage, control)
  failed = true
  for (const { value } of passage.messages) {
    try {
      this.parts.decode(value)
    } catch {
      // It will be refused when it is looked at again.
    }
  }
  throw new Error('a defect')
}
