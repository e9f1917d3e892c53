import type { Config } from '../config/config.ts'
import { classificationTopics } from '../config/rules.ts'
import { publishedSchema, schemaText } from '../messages/encoding.ts'
import { SchemaRegistry } from '../streams/schema-registry.ts'

/** The registry of the configuration; null without one. */
export function registryOf({ registry }: Pick<Config['output'], 'registry'>): SchemaRegistry | null {
  const { url, ...credentials } = registry
  return url === null ? null : new SchemaRegistry({ url, ...credentials })
}

/**
 * The id of the schema by topic, where `output.encoding` needs a registry. The subject of a topic is its name and `-value`. Rejects with
 * REGISTRY_UNAVAILABLE, and with CONFIG_INVALID if the registry refuses or lacks the schema.
 */
export async function findSchemaIds(output: Config['output']): Promise<Map<string, number>> {
  const ids = new Map<string, number>()
  const registry = output.encoding === 'confluent' ? registryOf(output) : null
  if (registry === null) return ids
  const { current } = output
  for (const topic of [...classificationTopics(output), ...(current === null ? [] : [current])]) {
    const subject = `${topic}-value`
    const id = output.registry.autoRegister
      ? registry.register(subject, schemaText)
      : registry.lookUp(subject, [schemaText, publishedSchema])
    ids.set(topic, await id)
  }
  return ids
}
