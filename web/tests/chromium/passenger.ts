// The passenger's app in Chromium: begun once, then without a network from a cold start, before a real validator.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { chromium, type BrowserContext, type Page } from "playwright-core";
import { ARGS, BASE, EXECUTABLE, fail, look, practice, sees } from "./bus.ts";

const SIZE = { width: 360, height: 640 };
const folder = mkdtempSync(`${tmpdir()}/savar-passenger-`);
const HOUR_MS = 3_600_000;

/** A browser that keeps what it kept, as a phone's does; `aheadMs`: of the phone's clock. */
async function launch(profile: string, aheadMs = 0): Promise<[BrowserContext, Page]> {
  const context = await chromium.launchPersistentContext(`${folder}/${profile}`, {
    executablePath: EXECUTABLE,
    args: ARGS,
    viewport: SIZE,
    deviceScaleFactor: 2,
    hasTouch: true,
    locale: "fa-IR",
  });
  context.on("request", (request) => {
    if (!request.url().startsWith(BASE)) fail(`left the backend: ${request.url()}`);
  });
  await context.addInitScript((ahead) => {
    const told = Date.now.bind(Date);
    Date.now = () => told() + ahead;
  }, aheadMs);
  return [context, context.pages()[0] ?? (await context.newPage())];
}

async function openApp(page: Page): Promise<void> {
  page.on("pageerror", (error) => fail(`error in the page: ${error.message}`));
  page.on("console", (line) => {
    // Without a network, and where it was refused, the browser says so all the same.
    if (line.type() === "error" && !line.text().includes("Failed to load resource")) fail(line.text());
  });
  await page.goto(`${BASE}/passenger/`);
}

const press = (page: Page, name: string): Promise<void> => page.getByRole("button", { name, exact: true }).click();
const card = (page: Page) => page.locator("[data-presentation]");
const presented = async (page: Page): Promise<string> => (await card(page).getAttribute("data-presentation")) ?? "";

/** What the screen shows now, in that form, as a picture. */
async function picture(page: Page, form: "long" | "short" = "long"): Promise<string> {
  await page.locator(`[data-form=${form}]`).waitFor({ timeout: 20_000 });
  return (await page.screenshot()).toString("base64");
}

/** Hold a picture to a bus's camera; the test on the other side holds its answer. */
const hold = (png: string, verdict: string, bus = 1): Promise<unknown> => practice("hold", { png, verdict, bus });

async function another(page: Page): Promise<void> {
  const before = await presented(page);
  await press(page, "یک نفر بیشتر");
  await press(page, "یک نفر کمتر");
  await page.waitForFunction((old) => {
    const now = document.querySelector<HTMLElement>("[data-presentation]")?.dataset["presentation"];
    return now !== undefined && now !== old;
  }, before);
}

/** Wait until the app could open without a network. */
const kept = (page: Page): Promise<unknown> =>
  page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    for (const name of await caches.keys()) if ((await (await caches.open(name)).keys()).length > 0) return name;
    throw new Error("nothing is kept");
  });

/** With letters twice as large the code is whole on the screen still, and nothing is cut off to the side. */
async function large(page: Page, name: string): Promise<void> {
  await page.evaluate(() => (document.documentElement.style.fontSize = "250%"));
  const found = await page.evaluate(() => {
    const code = document.querySelector(".card")?.getBoundingClientRect();
    return { wide: document.documentElement.scrollWidth - innerWidth, under: code ? code.bottom - innerHeight : 0 };
  });
  if (found.wide > 0 || found.under > 0) fail(`${name} at 200 %: ${JSON.stringify(found)}`);
  await look(page, name, { scrolls: true });
  await page.evaluate(() => (document.documentElement.style.fontSize = ""));
}

// --- the first time, with a network; by keyboard alone
let [context, page] = await launch("phone");
await openApp(page);
await sees(page, "کرایهٔ اتوبوس با گوشی");
if ((await page.evaluate(() => document.documentElement.dir)) !== "rtl") fail("Persian does not stand first");
await look(page, "passenger-first");
await large(page, "passenger-first-large");
await press(page, "پیش‌تر حساب داشتم");
await sees(page, "بازگرداندن حساب");
await look(page, "passenger-had");
await press(page, "بازگشت");
await page.keyboard.press("Tab");
await page.keyboard.press("Enter");
await card(page).waitFor({ timeout: 10_000 });
await sees(page, "موجودی");
await look(page, "passenger-code");
await kept(page);
await context.close();

// --- no network, and a cold start
await practice("row", {});
await practice("cut", {});
[context, page] = await launch("phone");
await openApp(page);
await card(page).waitFor({ timeout: 10_000 });
const cold = await page.evaluate(() => performance.now());
console.log(`code on the screen ${Math.round(cold)} ms after a cold start without a network (bound: 1,000)`);
const seen = [await presented(page)];
const first = await picture(page);
await hold(first, "ACCEPTED");
await press(page, "یک نفر بیشتر");
await sees(page, "من و ۱ نفر");
await look(page, "passenger-together");
await hold(await picture(page), "PARTY_EXTENDED");
await press(page, "یک نفر کمتر");
await another(page);
await hold(await picture(page), "ALREADY_PAID");
await hold(first, "COPIED");
await another(page);
await hold(await picture(page), "CODE_EXPIRED", 2); // that bus is a minute on
await another(page);
await hold(await picture(page, "short"), "ACCEPTED", 3); // and that one has the rider's row
await large(page, "passenger-code-large");

// --- two tabs, and a reload: no second and counter twice
const tab = await context.newPage();
await openApp(tab);
await card(tab).waitFor({ timeout: 10_000 });
for (let turn = 0; turn < 6; turn += 1) {
  await Promise.all([page, tab].map(another));
  seen.push(await presented(page), await presented(tab));
}
await page.reload();
await card(page).waitFor({ timeout: 10_000 });
seen.push(await presented(page));
if (new Set(seen).size !== seen.length) fail(`presented twice: ${seen.join(" ")}`);
await tab.close();

// --- while nobody looks nothing is shown, and then a new code for its rider alone
const turnAway = (visibility: string): Promise<void> =>
  page.evaluate((told) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => told });
    document.dispatchEvent(new Event("visibilitychange"));
  }, visibility);
await press(page, "یک نفر بیشتر");
await sees(page, "من و ۱ نفر");
const left = await presented(page);
await turnAway("hidden");
await card(page).waitFor({ state: "detached" });
await turnAway("visible");
await card(page).waitFor();
await sees(page, "فقط خودم");
if ((await presented(page)) === left) fail("an old code is shown again");

// --- English; landscape
await press(page, "English");
await sees(page, "Turn the brightness up");
await look(page, "passenger-code-english");
await page.setViewportSize({ width: 640, height: 360 });
await look(page, "passenger-code-landscape", { scrolls: true });
await page.setViewportSize(SIZE);

// --- the account moves to another phone: this one says so
await practice("mend", {});
const account = await page.evaluate(
  () =>
    new Promise((resolve, reject) => {
      const asked = indexedDB.open("savar");
      asked.onerror = () => reject(asked.error);
      asked.onsuccess = () => {
        const got = asked.result.transaction("kept").objectStore("kept").get("account");
        got.onsuccess = async () => {
          const { credentialId, token } = got.result.registered;
          const taken = await crypto.subtle.exportKey("pkcs8", got.result.pair.privateKey).then(
            () => true,
            () => false,
          );
          resolve({ credentialId, token, taken });
        };
      };
    }),
);
await practice("move", account as object);
await page.reload();
await sees(page, "This phone's pass has ended");
await look(page, "passenger-ended-english");
await press(page, "فارسی");
await look(page, "passenger-ended");
await press(page, "شروع با حساب تازه");
await card(page).waitFor({ timeout: 10_000 });
await context.close();

// --- a phone that is an hour ahead: its code is right all the same
[context, page] = await launch("ahead", HOUR_MS);
await openApp(page);
await press(page, "شروع");
await sees(page, "ساعت گوشی درست نیست");
await look(page, "passenger-clock");
await another(page);
await hold(await picture(page), "ACCEPTED");
await context.close();
rmSync(folder, { recursive: true, force: true });
