import path from 'node:path'
import { modelsFolder } from '../../src/classifier/model-folder.ts'

/** The bundled model of the first release. */
export const firstModel: string = path.join(modelsFolder, 'ztf-hawk')

/** The network of the reference study; its inputs and outputs are published. */
export const referenceModel: string = path.join(modelsFolder, 'ztf-reference')
