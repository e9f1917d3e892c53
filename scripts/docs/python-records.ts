import { avroSchema, type Complex, isUnion, type Schema } from './message.ts'

/** Python types of Avro's, and the functions of `_fields.py` that read them. */
const plain: Readonly<Record<string, readonly [type: string, read: string]>> = {
  string: ['str', 'text'],
  boolean: ['bool', 'flag'],
  double: ['float', 'number'],
  int: ['int', 'integer'],
  long: ['int', 'integer']
}

/** Base of the class with the methods, which is written by hand. */
const outer = 'ClassificationFields'

/** Width of the lines of a docstring. */
const width = 100

/** The Python client's records: one class per record of the message, inner ones first. */
export function pythonRecords(): string {
  const classes = new Map<string, string>()
  typeOf(avroSchema(), classes)
  return `"""The records of a message.

Made by scripts/generate-docs.ts from src/messages/classification.ts: change that, not this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._fields import Body, field, flag, integer, listed, mapped, number, optional, text

if TYPE_CHECKING:
    from typing_extensions import Self


${[...classes.values()].join('\n\n')}`
}

/** The type in Python and the function that reads it; classes are added to the map. */
function typeOf(type: Schema, classes: Map<string, string>): readonly [type: string, read: string] {
  if (typeof type === 'string') return plain[type]!
  if (isUnion(type)) return typeOf(type.find(branch => branch !== 'null')!, classes)
  if (type.type === 'enum') return plain.string!
  if (type.type === 'array') {
    const [item, read] = typeOf(type.items!, classes)
    return [`tuple[${item}, ...]`, `listed(${read})`]
  }
  if (type.type === 'map') {
    const [value, read] = typeOf(type.values!, classes)
    return [`Mapping[str, ${value}]`, `mapped(${read})`]
  }
  const name = type.name === 'Classification' ? outer : type.name!
  if (!classes.has(name)) classes.set(name, classOf(name, type, classes))
  return [name, `${name}.from_body`]
}

function classOf(name: string, { fields = [] }: Complex, classes: Map<string, string>): string {
  const members = fields.map(({ name, type, doc = '', ...rest }) => {
    const [python, read] = typeOf(type, classes)
    const isNullable = isUnion(type)
    const attribute = snakeCase(name)
    const fallback = 'default' in rest && !isNullable ? `, ${defaultOf(rest.default)}` : ''
    return {
      line: `    ${attribute}: ${python}${isNullable ? ' | None' : ''}`,
      doc: [`    ${attribute}`, ...wrapped(inPython(`${doc}.`), '        ')],
      value: `            ${attribute}=${isNullable ? 'optional' : 'field'}(body, "${name}", ${read}${fallback}),`
    }
  })
  const title = `The ${name === outer ? 'fields of a classification' : `record ${name} of a message`} (hierax.classification.v1).`
  return [
    '@dataclass(frozen=True)',
    `class ${name}:`,
    `    """${title}`,
    '',
    '    Attributes',
    '    ----------',
    ...members.flatMap(member => member.doc),
    '    """',
    '',
    ...members.map(member => member.line),
    '',
    '    @classmethod',
    // The class with the methods has more fields.
    `    def from_body(cls, body: Body, /${name === outer ? ', **more: Any' : ''}) -> Self:`,
    '        """Reads a decoded record; raises ValueError if a field is missing or has another type."""',
    '        return cls(',
    ...members.map(member => member.value),
    ...(name === outer ? ['            **more,'] : []),
    '        )',
    ''
  ].join('\n')
}

/** Empty arrays and maps, and plain values. */
function defaultOf(value: unknown): string {
  return typeof value === 'boolean' ? (value ? 'True' : 'False') : JSON.stringify(value)
}

function inPython(doc: string): string {
  return doc
    .replaceAll(/\bnull\b/g, 'None')
    .replaceAll(/\bNull\b/g, 'None')
    .replaceAll('..', '.')
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}

function wrapped(text: string, indent: string): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const last = lines.at(-1) as string
    if (last !== '' && indent.length + last.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines.map(line => indent + line)
}
