import { z } from 'zod'
import type { Immutable } from '../immutable.ts'
import { provenance } from './classification.ts'

/** Name of the schema, in the `schema` header. */
export const announcementSchemaName = 'hierax.model.v1'

const time = (description: string) => z.iso.datetime().describe(description)

/** A message about one model on the topic of models. */
export const announcementSchema = z
  .object({
    ...provenance.shape,
    status: z.enum(['active', 'retired']).describe('Whether a running service publishes classifications of the model'),
    since: time('Since when it has this status, UTC'),
    announced: time('When this message was published, UTC'),
    successor: provenance
      .nullable()
      .describe('For a retired model: the model that is active in its place. Null for an active one'),
    topics: z
      .array(z.string())
      .min(1)
      .describe('Topics with its messages: that of all classifications first, then those of routes'),
    process: z.string().describe('The process that published this message')
  })
  .meta({ title: 'Model' })

export type Announcement = Immutable<z.infer<typeof announcementSchema>>

/** Key of an announcement: services that publish to other topics announce the same model on their own. */
export function announcementKey({ topics, sha256 }: Pick<Announcement, 'topics' | 'sha256'>): string {
  return `${topics[0]}/${sha256}`
}

/** The announcement in a message; null if it has none, or one that this release can't read. */
export function readAnnouncement(value: Uint8Array | null): Announcement | null {
  try {
    return announcementSchema.parse(JSON.parse(Buffer.from(value ?? []).toString()))
  } catch {
    return null
  }
}
