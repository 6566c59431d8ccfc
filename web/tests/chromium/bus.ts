// What the walks share: a browser that reaches nothing but the bus, the practice bus's strings, axe.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium, type Browser, type Page } from "playwright-core";

export const BASE = process.argv[2] ?? "";
export const PICTURES = process.argv[3] ?? "";
/** Who plays riders, road and doors: the practice bus itself, or the test of a real one. */
const STRINGS = process.argv[4] ?? BASE;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf-8");

export const EXECUTABLE = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
export const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const browse = (): Promise<Browser> => chromium.launch({ executablePath: EXECUTABLE, args: ARGS });

/** A page in which every request that leaves the bus is a failure, as is any error in the console. */
export async function open(browser: Browser, path: string, size = { width: 800, height: 480 }): Promise<Page> {
  const context = await browser.newContext({ viewport: size, hasTouch: true, locale: "fa-IR" });
  const page = await context.newPage();
  await page.route(/.*/, (route) => {
    if (!route.request().url().startsWith(BASE)) throw new Error(`left the bus: ${route.request().url()}`);
    return route.continue();
  });
  page.on("pageerror", (error) => fail(`error in the page: ${error.message}`));
  page.on("console", (line) => {
    // A refused order is an ordinary answer; the browser reports its status all the same.
    if (line.type() === "error" && !line.text().includes("the server responded with a status of"))
      fail(line.text());
  });
  await context.addInitScript(
    (light) => localStorage.getItem("light") ?? localStorage.setItem("light", light),
    "day",
  );
  await page.goto(BASE + path);
  return page;
}

export async function practice(what: string, body: object): Promise<unknown> {
  const answer = await fetch(`${STRINGS}/practice/${what}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const said = await answer.text();
  if (!answer.ok) fail(`practice/${what}: ${answer.status} ${said}`);
  return said === "" ? undefined : JSON.parse(said);
}

export const ride = (door: number, verdict: number, persons = 1): Promise<unknown> =>
  practice("ride", { door, verdict, persons });

/** Touch a button by its name. */
export async function touch(page: Page, name: string | RegExp): Promise<void> {
  const exact = typeof name === "string";
  await page.getByRole("button", exact ? { name, exact } : { name }).tap();
}

/** Type digits on the screen's own keys. */
export async function type(page: Page, text: string): Promise<void> {
  for (const digit of text) await touch(page, "۰۱۲۳۴۵۶۷۸۹"[Number(digit)] ?? "");
}

/** What the last screen of a shift says. */
export async function totals(page: Page): Promise<{ boarded: number; tomans: number; float_tomans: number }> {
  const says = async (name: string): Promise<number> => {
    const text = await page.locator(`[data-total="${name}"]`).innerText();
    return Number(text.replace(/[۰-۹]/g, (digit) => String("۰۱۲۳۴۵۶۷۸۹".indexOf(digit))).replace(/\D/g, ""));
  };
  return { boarded: await says("boarded"), tomans: await says("charged"), float_tomans: await says("proxies") };
}

export async function sees(page: Page, text: string | RegExp): Promise<void> {
  await page.getByText(text).first().waitFor({ state: "visible", timeout: 5_000 });
}

/**
 * Hold the screen against axe and the size of its targets, and keep its picture if asked to. `scrolls`: a page that is
 * longer than the screen, as with letters twice as large; else everything is on it.
 */
export async function look(page: Page, name: string, { scrolls = false } = {}): Promise<void> {
  await page.evaluate(() => document.fonts.ready);
  await page.evaluate(AXE); // not a script tag: the bus allows no inline script
  const found = await page.evaluate(async (scrolls) => {
    const axe = (
      globalThis as unknown as {
        axe: { run: () => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      }
    ).axe;
    const { violations } = await axe.run();
    const small = [...document.querySelectorAll("button")].filter((it) => {
      const box = it.getBoundingClientRect();
      return box.width < 48 || box.height < 48;
    });
    const cut = [...document.querySelectorAll("button, h1, .health, .under, .first strong")].filter(
      (it) =>
        it.checkVisibility() &&
        !it.classList.contains("hidden") &&
        it.tagName !== "UL" &&
        it.scrollWidth > it.clientWidth + 1 &&
        getComputedStyle(it).textOverflow !== "ellipsis",
    );
    const outside = [...document.querySelectorAll("button")].filter((it) => {
      const box = it.getBoundingClientRect();
      const below = box.bottom > innerHeight + 1 && !scrolls && !it.closest("ul");
      return box.right > innerWidth + 1 || box.left < -1 || below;
    });
    // What lies over a key or a count: only what is said, over the settings, and for some seconds.
    const covered = [...document.querySelectorAll("button, .door, .first")].filter((it) => {
      const box = it.getBoundingClientRect();
      const corners = [
        [box.left + 12, box.top + 12],
        [box.right - 12, box.bottom - 12],
      ] as const;
      return corners.some(([x, y]) => {
        const above = document.elementFromPoint(x, y);
        return (
          above !== null && !it.contains(above) && !above.contains(it) && !above.closest(".said, [role=dialog]")
        );
      });
    });
    return [
      ...covered.map((it) => `covered: ${it.outerHTML}`),
      ...violations.map((it) => `axe ${it.id}: ${it.nodes.map((node) => node.html).join(" ")}`),
      ...small.map((it) => `small target: ${it.outerHTML}`),
      ...cut.map((it) => `cut off: ${it.outerHTML}`),
      ...outside.map((it) => `outside the screen: ${it.outerHTML}`),
    ];
  }, scrolls);
  if (PICTURES) await page.screenshot({ path: `${PICTURES}/${name}.png` });
  if (found.length > 0) fail(`${name}:\n${found.join("\n")}`);
}

export function fail(what: string): never {
  console.error(what);
  process.exit(1);
}
