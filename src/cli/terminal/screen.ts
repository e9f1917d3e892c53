import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** What the screen is written to; a terminal or not. */
export type ScreenStream = Pick<NodeJS.WriteStream, 'write'> &
  Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'hasColors'>>

/** Lines that stay, and on a terminal a last line that is refreshed in place. */
export class Screen {
  /** Whether the status is refreshed in place. */
  readonly live: boolean
  readonly #out: ScreenStream
  readonly #error: Pick<ScreenStream, 'write'>
  readonly #colours: boolean
  #status = ''

  constructor(out: ScreenStream = process.stdout, error: Pick<ScreenStream, 'write'> = process.stderr) {
    this.#out = out
    this.#error = error
    this.live = out.isTTY === true
    this.#colours = this.live && out.hasColors?.() === true
  }

  /** A line that stays. */
  line(text = ''): void {
    this.#above(() => this.#out.write(`${text}\n`))
  }

  /** What the log says, on standard error: whole lines. */
  log(text: string): void {
    this.#above(() => this.#error.write(text))
  }

  /** Rewrites the last line; prints a line of its own where there is no terminal. */
  status(text: string): void {
    if (!this.live) {
      this.line(text)
      return
    }
    this.#status = [...text].slice(0, Math.max(10, (this.#out.columns ?? 80) - 1)).join('')
    this.#above(() => {})
  }

  /** Takes the status away. */
  clear(): void {
    if (!this.live) return
    this.#status = ''
    this.#above(() => {})
  }

  /** Text with a style where the screen has colours. */
  styled(style: Style, text: string): string {
    return this.#colours ? styleText(style, text, { validateStream: false }) : text
  }

  #above(write: () => void): void {
    if (this.live) this.#out.write('\r\x1b[2K')
    write()
    if (this.live && this.#status !== '') this.#out.write(this.#status)
  }
}
