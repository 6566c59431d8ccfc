// What the walks through a host's page share: it open, seen or not, and another module of its own in it.
import type { Page } from "playwright-core";
import { BASE, fail } from "./bus.ts";

/** The host's page. Any error in it fails the walk; the browser says each thing that its policy refuses as one. */
export async function openHost(page: Page): Promise<void> {
  page.on("pageerror", (error) => fail(`error in the page: ${error.message}`));
  page.on("console", (line) => {
    // A refusal is an ordinary answer; the browser reports its status all the same.
    if (line.type() === "error" && !line.text().includes("the server responded with a status of")) fail(line.text());
  });
  await page.goto(`${BASE}/`);
}

export const turnAway = (page: Page, visibility: string): Promise<void> =>
  page.evaluate((told) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => told });
    document.dispatchEvent(new Event("visibilitychange"));
  }, visibility);

/** So many renders of one more module in this page, as fast as they come: each `second/counter`. */
export const renders = (page: Page, count: number): Promise<string[]> =>
  page.evaluate(async (count) => {
    const { createPass, hostServer } = (await import("/savar-pass/savar-pass.js" as string)) as Module;
    const place = document.body.appendChild(document.createElement("div"));
    const found = new Set<string>();
    let told = (): void => undefined;
    const pass = await createPass({
      host: hostServer(),
      changed: ({ shown }: State) => {
        if (shown === undefined) return;
        found.add(`${shown.timeS}/${shown.counter}`);
        told();
      },
    });
    const next = (): Promise<void> => {
      const before = found.size;
      return new Promise((done) => (told = () => found.size > before && done()));
    };
    let shown = next();
    pass.show(place);
    await shown;
    while (found.size < count) {
      shown = next();
      pass.bring(found.size % 2);
      await shown;
    }
    pass.close();
    place.remove();
    return [...found].slice(0, count);
  }, count);

type State = { shown?: { timeS: number; counter: number } };
export type Module = {
  createPass(options: object): Promise<{
    show(on: HTMLElement): void;
    bring(party: number): void;
    close(): void;
    register(): Promise<void>;
    deskKey(): Promise<string>;
    state: State & { phase: string; trouble?: { name: string; what: string; next: string } };
  }>;
  hostServer(base?: string): Record<string, (...given: unknown[]) => Promise<unknown>>;
};
