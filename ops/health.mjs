// The container's health check: exits with 0 if GET /health/live returns 200, else with 1 and the reason on standard error.
const { HIERAX_HTTP_HOST: host = '127.0.0.1', HIERAX_HTTP_PORT: port = '8080' } = process.env
const name = ['0.0.0.0', '::', ''].includes(host) ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host

try {
  const response = await fetch(`http://${name}:${port}/health/live`, { signal: AbortSignal.timeout(4000) })
  if (response.status !== 200) throw new Error(`HTTP ${response.status}`)
} catch (error) {
  process.stderr.write(`${error.cause?.code ?? error.message}\n`)
  process.exitCode = 1
}
