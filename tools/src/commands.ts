import { register as demo } from './cli/demo.ts'
import { register as simulate } from './cli/simulate.ts'

/** The commands that this package adds to `hierax`. */
export const commands = [simulate, demo]
