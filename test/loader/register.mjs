// Loads TypeScript in the test processes: `node --import ./test/loader/register.mjs`. Each of the many test files has a process of its own,
// and this takes half as long to start as tsx, because it resolves nothing and finds what another process has compiled.
import { register } from 'node:module'

process.setSourceMapsEnabled(true)
register('./hooks.mjs', import.meta.url)
