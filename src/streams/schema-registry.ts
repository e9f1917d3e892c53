import fs from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import { HieraxError } from '../errors.ts'

/** How to reach a schema registry. */
export interface RegistryConnection {
  /** Address, with any prefix of paths. */
  readonly url: string
  readonly username: string | null
  readonly password: string | null
  /** Bearer token, instead of user name and password. */
  readonly token: string | null
  /** PEM file of the authorities to trust; null: Node's. */
  readonly ca: string | null
}

/** A response of the registry with an error status. */
class ErrorResponse extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Whether a registry refused the credentials. */
export function refusesCredentials(error: unknown): boolean {
  const { cause } = error as Error
  return cause instanceof ErrorResponse && (cause.status === 401 || cause.status === 403)
}

/** Time limit of a request, ms. */
const requestTimeout = 10_000

/**
 * A client of a schema registry with Confluent's REST API: https://docs.confluent.io/platform/current/schema-registry/develop/api.html.
 * Methods reject with REGISTRY_UNAVAILABLE, and with CONFIG_INVALID if the registry does not accept or have a schema.
 */
export class SchemaRegistry {
  readonly #connection: RegistryConnection
  readonly #schemas = new Map<number, string>()

  constructor(connection: RegistryConnection) {
    this.#connection = connection
  }

  /** Registers a schema unless the subject has it. Resolves with its id. */
  async register(subject: string, schema: string): Promise<number> {
    try {
      return idIn(await this.#request('POST', `/subjects/${encodeURIComponent(subject)}/versions`, { schema }))
    } catch (error) {
      if (error instanceof ErrorResponse && (error.status === 409 || error.status === 422)) {
        const why = `refuses the schema for the subject ${JSON.stringify(subject)} (HTTP ${error.status}: ${error.message})`
        throw this.#invalid(`${why}; change the compatibility of the subject, or the name of the topic`, error)
      }
      throw this.#unavailable(error)
    }
  }

  /** The id of the first of these schemas that the subject has. */
  async lookUp(subject: string, schemas: readonly string[]): Promise<number> {
    for (const schema of schemas) {
      try {
        return idIn(await this.#request('POST', `/subjects/${encodeURIComponent(subject)}`, { schema }))
      } catch (error) {
        if (!(error instanceof ErrorResponse && error.status === 404)) throw this.#unavailable(error)
      }
    }
    const why = `does not have the schema under the subject ${JSON.stringify(subject)}`
    throw this.#invalid(`${why}; register schemas/classification.avsc there, or set output.registry.autoRegister`)
  }

  /** The schema with an id; null if there is none. */
  async schemaOf(id: number): Promise<string | null> {
    const known = this.#schemas.get(id)
    if (known !== undefined) return known
    try {
      const schema = (await this.#request('GET', `/schemas/ids/${id}`)).schema as string
      this.#schemas.set(id, schema)
      return schema
    } catch (error) {
      if (error instanceof ErrorResponse && error.status === 404) return null
      throw this.#unavailable(error)
    }
  }

  #invalid(why: string, cause?: unknown): HieraxError {
    return new HieraxError('CONFIG_INVALID', `output.registry: ${this.#connection.url} ${why}`, { cause })
  }

  #unavailable(cause: unknown): HieraxError {
    const { message, code } = cause as NodeJS.ErrnoException
    const what = cause instanceof ErrorResponse ? `answers with HTTP ${cause.status}` : 'does not answer'
    // Of several addresses that refuse the connection, the message is empty.
    const why = `The schema registry at ${this.#connection.url} ${what}: ${message || code}`
    return new HieraxError('REGISTRY_UNAVAILABLE', why, { cause })
  }

  async #request(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const { url, username, password, token, ca } = this.#connection
    const address = new URL(url.replace(/\/+$/, '') + path)
    const basic = username === null ? null : `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
    const authorization = token === null ? basic : `Bearer ${token}`
    const type = 'application/vnd.schemaregistry.v1+json'
    const headers = { accept: type, 'content-type': type, ...(authorization === null ? {} : { authorization }) }
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const { request } = address.protocol === 'https:' ? https : http
      const options = { method, headers, signal: AbortSignal.timeout(requestTimeout) }
      const trust = ca === null ? {} : { ca: fs.readFileSync(ca) }
      const asked = request(address, { ...options, ...trust }, resolve)
      asked.on('error', reject)
      asked.end(body && JSON.stringify(body))
    })
    const content = await text(response)
    const status = response.statusCode ?? 0
    if (status < 200 || status > 299) throw new ErrorResponse(status, messageOf(content))
    return JSON.parse(content) as Record<string, unknown>
  }
}

function idIn({ id }: Record<string, unknown>): number {
  if (typeof id === 'number' && id >= 0 && id < 2 ** 32) return id
  throw new Error('its answer has no id of a schema')
}

/** What the registry says, without what a proxy may send instead. */
function messageOf(content: string): string {
  try {
    return String((JSON.parse(content) as { message?: unknown }).message).slice(0, 300)
  } catch {
    return 'no explanation'
  }
}
