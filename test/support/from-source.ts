/** Arguments of Node for a process that loads TypeScript as the tests do. */
export const fromSource: readonly string[] = [
  '--conditions=source',
  '--import',
  new URL('../loader/register.mjs', import.meta.url).href
]
