import * as example from '../examples.ts'
import { population } from './classification.ts'
import { integer, nullable, record, string } from './kinds.ts'

/** `/api/v1/taxonomy`. */
export const taxonomy = record(
  {
    name: string('name of the taxonomy'),
    version: string('its version'),
    model: string('the model that uses it'),
    root: string('name of the root, which messages leave out'),
    nodes: {
      type: 'array',
      description: 'parents before children',
      items: record(
        {
          name: string('name of the node'),
          parent: nullable('string', 'name of its parent; null below the root'),
          description: string('what it stands for')
        },
        { optional: ['description'] }
      )
    }
  },
  { $id: 'Taxonomy', examples: [example.taxonomy] }
)

const modelProperties = {
  name: string('name of the model'),
  version: string('its version'),
  sha256: string('SHA-256 over its files'),
  taxonomy: string('name of its taxonomy'),
  taxonomyVersion: string('version of the taxonomy'),
  runtime: string('TensorFlow.js backend that runs it'),
  nodes: integer('number of nodes it gives probabilities for'),
  population
}

/** `/api/v1/model`. */
export const model = record(
  { ...modelProperties, models: { type: 'array', items: record(modelProperties), description: 'all models in use' } },
  { $id: 'Model', description: 'The first model in use, and all of them', examples: [example.model] }
)
