// The container's health check: exits with 0 if GET /health/live returns 200, else with 1 and the reason on standard error.
const { env } = process
const management = /^[1-9]/.test(env.HIERAX_HTTP_MANAGEMENT_PORT ?? '')
const port = management ? env.HIERAX_HTTP_MANAGEMENT_PORT : (env.HIERAX_HTTP_PORT ?? '8080')
const host = (management ? env.HIERAX_HTTP_MANAGEMENT_HOST : null) ?? env.HIERAX_HTTP_HOST ?? '127.0.0.1'
const name = ['0.0.0.0', '::', ''].includes(host) ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host

try {
  const response = await fetch(`http://${name}:${port}/health/live`, { signal: AbortSignal.timeout(4000) })
  if (response.status !== 200) throw new Error(`HTTP ${response.status}`)
} catch (error) {
  process.stderr.write(`${error.cause?.code ?? error.message}\n`)
  process.exitCode = 1
}
