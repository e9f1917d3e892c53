import type { Logger } from '../telemetry/logger.ts'

/** Closes what was opened, the last first. */
export class Shutdown {
  readonly #logger: Logger
  readonly #steps: { readonly part: string; readonly close: () => unknown }[] = []
  #done: Promise<void> | null = null

  constructor(logger: Logger) {
    this.#logger = logger
  }

  add(part: string, close: () => unknown): void {
    this.#steps.push({ part, close })
  }

  run(): Promise<void> {
    this.#done ??= this.#closeAll()
    return this.#done
  }

  async #closeAll(): Promise<void> {
    const began = performance.now()
    for (const { part, close } of this.#steps.reverse()) {
      await close()
      this.#logger.debug({ part }, 'closed')
    }
    this.#logger.info({ seconds: Math.round((performance.now() - began) / 100) / 10 }, 'hierax ended')
  }
}
