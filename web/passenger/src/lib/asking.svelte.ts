// One question to the backend at a time, and why it was not answered, as a screen says it.

import { Refused, Unreached } from "./api";
import type { Session } from "./session.svelte";
import type { Words } from "./store";

/** `unsent`, `unknown`: a message to a telephone that was not sent, or of which nobody knows. */
export type Silence = "network" | "refused" | "unsent" | "unknown";
const MESSAGES: Record<string, Silence> = { "sms-unsent": "unsent", "sms-unknown": "unknown" };

export class Asking {
  busy = $state(false);
  trouble = $state<Silence>();
  /** Why the backend refused, where it tells its rider that. */
  said = $state.raw<Words>();

  constructor(private readonly session: Session) {}

  /** What was answered; undefined where it was not, and then `trouble` and `said` tell why. */
  async run<Made>(ask: () => Promise<Made>): Promise<Made | undefined> {
    if (this.busy) return undefined;
    this.busy = true;
    this.clear();
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Unreached || error instanceof Refused)) throw error;
      if (error instanceof Unreached) this.trouble = MESSAGES[error.problem ?? ""] ?? "network";
      else await this.refused(error);
      return undefined;
    } finally {
      this.busy = false;
    }
  }

  clear(): void {
    this.trouble = this.said = undefined;
  }

  private async refused(error: Refused): Promise<void> {
    this.trouble = "refused";
    this.said = error.words;
    await this.session.sync(); // a token that was lost comes again, or the account has ended
  }
}
