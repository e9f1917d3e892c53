import fs from 'node:fs'

/** Version of Hierax, as its package says. */
export const version: string = JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version
