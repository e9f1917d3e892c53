/* Kinds of values that JSON schemas of answers are made of. */

export const nullable = (type: string, description: string) => ({ type: [type, 'null'], description })
export const number = (description: string) => ({ type: 'number', description })
export const integer = (description: string) => ({ type: 'integer', description })
export const string = (description: string) => ({ type: 'string', description })
export const boolean = (description: string) => ({ type: 'boolean', description })

/** An object schema of which every property is required and no other allowed, unless `optional` names it. */
export function record(
  properties: Record<string, object>,
  more: { optional?: readonly string[]; [key: string]: unknown } = {}
) {
  const { optional = [], ...rest } = more
  const required = Object.keys(properties).filter(name => !optional.includes(name))
  return { type: 'object', properties, required, additionalProperties: false, ...rest }
}

export const orNull = (schema: object) => ({ anyOf: [schema, { type: 'null' }] })
export const ref = (id: string) => ({ $ref: `${id}#` })
