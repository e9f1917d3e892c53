import { register as convert } from './cli/convert.ts'
import { register as evaluate } from './cli/evaluate.ts'
import { register as train } from './cli/train.ts'

/** The commands that this package adds to `hierax`. */
export const commands = [train, evaluate, convert]
