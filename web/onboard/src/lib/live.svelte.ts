// The bus's state as it streams in: whole at every event, so a page that missed one has lost nothing.

import { LIMITS } from "$generated/tables";

const SILENT_MS = LIMITS.TERMINAL_BEAT_S * 3_000; // three beats

export class Live<Shape> {
  state = $state<Shape | undefined>(undefined);
  alone = $state(false);
  /** Milliseconds since the state was made, renewed several times a second: spans count down by it. */
  age = $state(0);
  #came = performance.now();
  #source: EventSource | undefined;

  constructor(readonly address: string) {
    this.open();
    setInterval(() => {
      this.age = performance.now() - this.#came;
      this.alone = this.age > SILENT_MS || this.#source?.readyState !== EventSource.OPEN;
      if (this.age > SILENT_MS && this.#source?.readyState === EventSource.CLOSED) this.open();
    }, 250);
  }

  /** Connect anew: after signing in the server knows this page by its cookie. */
  open(): void {
    this.#source?.close();
    this.#source = new EventSource(this.address);
    this.#source.onmessage = (event: MessageEvent<string>) => {
      this.state = JSON.parse(event.data) as Shape;
      this.#came = performance.now();
      this.age = 0;
      this.alone = false;
    };
  }
}
