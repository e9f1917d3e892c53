import type { BasePackets } from './base-packets.ts'
import { type AlertChange, historyDays, type PacketEditor } from './packet-editor.ts'

/** Approximate days between two alerts of an object. */
const cadence = 2.5

/** Limit of epochs considered for a packet's history, so that the cost per packet stays constant. */
const historyEpochs = Math.ceil(historyDays / cadence) + 1

/** Identifies an alert, and its classification. */
export function alertName({ objectId, candid }: Pick<AlertChange, 'objectId' | 'candid'>): string {
  return `${objectId}:${candid}`
}

/**
 * The alerts of many objects, epoch by epoch: in each epoch every object has one alert at its own time. Epoch 0 is a first packet with
 * the original history; later packets also contain the earlier epochs. A service that has processed one epoch thus knows all
 * objects, and each further alert adds one detection, as in the real stream.
 */
export class AlertStream {
  readonly objects: number
  readonly #first: number
  readonly #editors: readonly PacketEditor[]

  /** @param first number of the first object; streams with disjoint numbers have different objects */
  constructor(base: BasePackets, objects: number, first = 0) {
    this.objects = objects
    this.#first = first
    this.#editors = base.editors
  }

  /** Names of the alerts of epochs `from` up to, but excluding, `to`. */
  *names(from: number, to: number): Generator<string> {
    for (let epoch = from; epoch < to; epoch++) {
      for (const object of this.#numbers()) yield alertName(this.#alert(object, epoch))
    }
  }

  /** Packets of the alerts of epochs `from` up to, but excluding, `to`, in time order. */
  *packets(from: number, to: number): Generator<Buffer> {
    for (let epoch = from; epoch < to; epoch++) {
      for (const object of this.#numbers()) {
        const first = Math.max(0, epoch - historyEpochs)
        const history = Array.from({ length: epoch + 1 - first }, (_, place) => this.#alert(object, first + place))
        yield this.#editor(object).write(history)
      }
    }
  }

  *#numbers(): Generator<number> {
    for (let object = 0; object < this.objects; object++) yield this.#first + object
  }

  #editor(object: number): PacketEditor {
    return this.#editors[object % this.#editors.length] as PacketEditor
  }

  #alert(object: number, epoch: number): AlertChange {
    const jd = this.#editor(object).jd + epoch * cadence + (epoch > 0 ? object * 1e-5 : 0)
    const candid = 3_000_000_000_000_000_000n + BigInt(object) * 1000n + BigInt(epoch)
    return { objectId: `ZTF26${letters(object)}`, candid, jd, fainter: 0.05 * Math.sin(epoch + object) }
  }
}

/** Seven letters, as in ZTF's object ids. */
function letters(number: number): string {
  let text = ''
  for (let place = 0, rest = number; place < 7; place++, rest = Math.floor(rest / 26)) {
    text = String.fromCharCode(97 + (rest % 26)) + text
  }
  return text
}
