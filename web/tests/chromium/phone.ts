// What the walks through the passenger's app share: a phone's browser, its screen as a picture, a bus to hold it to.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { chromium, type BrowserContext, type Page } from "playwright-core";
import { ARGS, BASE, EXECUTABLE, fail, look, practice } from "./bus.ts";

const SIZE = { width: 360, height: 640 };
export const folder = mkdtempSync(`${tmpdir()}/savar-passenger-`);

const PROVIDER = /^http:\/\/127\.0\.0\.1:\d+\/pg\/StartPay\//; // the one page elsewhere that a rider is sent to

/** A browser that keeps what it kept, as a phone's does; `aheadMs`: of the phone's clock; `more`: arguments of it. */
export async function launch(
  profile: string,
  aheadMs = 0,
  more: readonly string[] = [],
): Promise<[BrowserContext, Page]> {
  const context = await chromium.launchPersistentContext(`${folder}/${profile}`, {
    executablePath: EXECUTABLE,
    args: [...ARGS, ...more],
    viewport: SIZE,
    deviceScaleFactor: 2,
    hasTouch: true,
    locale: "fa-IR",
  });
  context.on("request", (request) => {
    if (!request.url().startsWith(BASE) && !(request.isNavigationRequest() && PROVIDER.test(request.url())))
      fail(`left the backend: ${request.url()}`);
  });
  await context.addInitScript((ahead) => {
    const told = Date.now.bind(Date);
    Date.now = () => told() + ahead;
  }, aheadMs);
  return [context, context.pages()[0] ?? (await context.newPage())];
}

export async function openApp(page: Page, slower = 1): Promise<void> {
  if (slower > 1) {
    const cdp = await page.context().newCDPSession(page);
    await cdp.send("Emulation.setCPUThrottlingRate", { rate: slower });
  }
  page.on("pageerror", (error) => fail(`error in the page: ${error.message}`));
  page.on("console", (line) => {
    // Without a network, and where it was refused, the browser says so all the same.
    if (line.type() === "error" && !line.text().includes("Failed to load resource")) fail(line.text());
  });
  await page.goto(`${BASE}/passenger/`);
}

export const press = (page: Page, name: string): Promise<void> =>
  page.getByRole("button", { name, exact: true }).click();
export const card = (page: Page) => page.locator("[data-presentation]");
export const presented = async (page: Page): Promise<string> =>
  (await card(page).getAttribute("data-presentation")) ?? "";

/** What the screen shows now, in that form, as a picture. */
export async function picture(page: Page, form: "long" | "short" = "long"): Promise<string> {
  await page.locator(`[data-form=${form}]`).waitFor({ timeout: 20_000 });
  return (await page.screenshot()).toString("base64");
}

/** Hold a screen, or one that changes, to a bus's camera; the test on the other side holds the one answer to it. */
export const hold = (pngs: string | string[], verdict: string, bus = 1): Promise<unknown> =>
  practice("hold", { pngs: [pngs].flat(), verdict, bus });

/** Somebody comes along after all, and not: two renders, the second for the rider alone. */
export async function another(page: Page): Promise<void> {
  for (const name of ["یک نفر بیشتر", "یک نفر کمتر"]) {
    const before = await presented(page);
    await press(page, name);
    await page.waitForFunction((old) => {
      const now = document.querySelector<HTMLElement>("[data-presentation]")?.dataset["presentation"];
      return now !== undefined && now !== old;
    }, before);
  }
}

/** Wait until the app could open without a network. */
export const kept = (page: Page): Promise<unknown> =>
  page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    for (const name of await caches.keys()) if ((await (await caches.open(name)).keys()).length > 0) return name;
    throw new Error("nothing is kept");
  });

/** With letters twice as large the code is whole on the screen still, and nothing is cut off to the side. */
export async function large(page: Page, name: string): Promise<void> {
  await page.evaluate(() => (document.documentElement.style.fontSize = "250%"));
  const found = await page.evaluate(() => {
    const code = document.querySelector(".card")?.getBoundingClientRect();
    return { wide: document.documentElement.scrollWidth - innerWidth, under: code ? code.bottom - innerHeight : 0 };
  });
  if (found.wide > 0 || found.under > 0) fail(`${name} at 200 %: ${JSON.stringify(found)}`);
  await look(page, name, { scrolls: true });
  await page.evaluate(() => (document.documentElement.style.fontSize = ""));
}

/** The app begun with a network, and its files kept. */
export async function begun(
  profile: string,
  aheadMs = 0,
  more: readonly string[] = [],
): Promise<[BrowserContext, Page]> {
  const [context, page] = await launch(profile, aheadMs, more);
  await openApp(page);
  await press(page, "شروع");
  await card(page).waitFor({ timeout: 10_000 });
  await kept(page);
  return [context, page];
}

export const away = (): void => rmSync(folder, { recursive: true, force: true });
