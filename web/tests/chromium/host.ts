// A city app's page with @savar/pass in it, in Chromium: begun, before real validators, unseen, in two tabs, offline.
import type { Page } from "playwright-core";
import { fail, look, practice, sees } from "./bus.ts";
import { another, away, card, hold, launch, picture, press, presented } from "./phone.ts";
import { openHost, renders, turnAway } from "./hosted.ts";

const HOUR_MS = 3_600_000;

// --- the first time: the key is made, proven and registered over the host's server, and stays here
let [context, page] = await launch("host");
await openHost(page);
await sees(page, "کارت اتوبوس می‌خواهم");
await sees(page, "هنوز کارتی روی این گوشی نیست");
if ((await card(page).count()) !== 0) fail("a code is shown before there is a pass");
await look(page, "host-first");
await press(page, "کارت اتوبوس می‌خواهم");
await card(page).waitFor({ timeout: 10_000 });
await sees(page, "موجودی");
for (const what of ["GET challenge", "POST register", "GET time", "GET balance"])
  await practice("asked", { what });
await look(page, "host-code");
if ((await card(page).getAttribute("aria-label")) !== "کد کرایه؛ جلوی دوربین در بگیرید") fail("the code has no words");

// --- before a bus that no network reaches
const first = await picture(page);
await hold(first, "ACCEPTED");
await press(page, "یک نفر بیشتر");
await sees(page, "من و ۱ نفر");
await hold(await picture(page), "PARTY_EXTENDED");
await press(page, "یک نفر کمتر");
await another(page);
await hold(await picture(page), "ALREADY_PAID");
await hold(first, "COPIED");
await another(page);
await hold(await picture(page), "CODE_EXPIRED", 2); // that bus is a minute on

// --- the rider's row at a bus: both forms are one showing
await practice("row", {});
await another(page);
const at = await presented(page);
const both = [await picture(page, "short"), await picture(page, "long")];
if ((await presented(page)) !== at) fail("a render was not shown in both forms");
await hold(both, "ACCEPTED", 3);

// --- each module the same whole number of the screen's pixels
const measure = await page.locator(".savar-symbol").evaluate((it: HTMLCanvasElement) => {
  const modules = it.closest<HTMLElement>("[data-form]")!.dataset["form"] === "long" ? 49 + 8 : 37 + 8;
  return { scale: it.width / modules, drawn: it.getBoundingClientRect().width * devicePixelRatio, width: it.width };
});
if (!Number.isInteger(measure.scale) || measure.scale < 2 || Math.abs(measure.drawn - measure.width) > 0.01)
  fail(`modules are no whole pixels: ${JSON.stringify(measure)}`);

// --- the page's own script cannot read the key
const tried = await page.evaluate(async () => {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const asked = indexedDB.open("savar");
    [asked.onsuccess, asked.onerror] = [() => resolve(asked.result), () => reject(asked.error)];
  });
  const account = await new Promise<{ pair: CryptoKeyPair }>((resolve) => {
    const got = database.transaction("kept").objectStore("kept").get("account");
    got.onsuccess = () => resolve(got.result as { pair: CryptoKeyPair });
  });
  const { privateKey, publicKey } = account.pair;
  const ways = (["pkcs8", "jwk", "raw"] as const).map((format) => crypto.subtle.exportKey(format, privateKey));
  const got = await Promise.allSettled([...ways, crypto.subtle.exportKey("raw", publicKey)]);
  return { extractable: privateKey.extractable, got: got.map((it) => it.status) };
});
if (tried.extractable || tried.got.join() !== "rejected,rejected,rejected,fulfilled")
  fail(`the private key can be read: ${JSON.stringify(tried)}`);

// --- while nobody looks nothing is shown, nor where the element has left the page; then a new one, for its rider alone
await press(page, "یک نفر بیشتر");
await sees(page, "من و ۱ نفر");
const left = await presented(page);
await turnAway(page, "hidden");
await card(page).waitFor({ state: "detached" });
const ink = await page.locator(".savar-symbol").evaluate((it: HTMLCanvasElement) => it.width * it.height);
if (ink !== 0) fail("the old code is in the hidden page still");
await turnAway(page, "visible");
await card(page).waitFor();
await sees(page, "فقط خودم");
if ((await presented(page)) === left) fail("an old code is shown again");
const alone = await page.evaluate(async () => {
  const place = document.getElementById("pass")!;
  const [parent, next] = [place.parentElement!, place.nextElementSibling];
  place.remove();
  await new Promise((soon) => setTimeout(soon, 2_500));
  const found = place.querySelectorAll("[data-presentation]").length;
  parent.insertBefore(place, next);
  return found;
});
if (alone !== 0) fail("a code goes on where nobody can see it");
await turnAway(page, "visible");
await card(page).waitFor();

// --- English
await press(page, "English");
await sees(page, "Only me");
await look(page, "host-code-english");
await press(page, "فارسی");

// --- two modules in each of two tabs, the app beside them, and a reload: no second and counter twice
await page.reload();
await card(page).waitFor({ timeout: 10_000 });
const tab = await context.newPage();
await openHost(tab);
await card(tab).waitFor({ timeout: 10_000 });
const app = await context.newPage();
await app.goto(new URL("passenger/", page.url()).href);
await app.locator("[data-presentation]").waitFor({ timeout: 10_000 });
const seen = (await Promise.all([renders(page, 12), renders(tab, 12), renders(page, 12), ofTheApp(app, 8)])).flat();
if (seen.length !== 44 || new Set(seen).size !== seen.length) fail(`presented twice: ${seen.join(" ")}`);
const seconds = new Set(seen.map((it) => it.split("/")[0]));
if (seconds.size === seen.length) fail("no two were in one second: nothing was tried");
await app.close();
await tab.close();

async function ofTheApp(of: Page, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) {
    await another(of);
    found.push(await presented(of));
  }
  return found;
}

// --- the host's server is away: cold, out of what is kept
await practice("away", { is: true });
await page.reload();
await card(page).waitFor({ timeout: 10_000 });
await page.waitForTimeout(500); // for what an answer would have changed
if (await page.getByText("شبکه نیست").count()) fail("an absent host was made the rider's trouble");
await card(page).waitFor();
await practice("away", { is: false });
await context.close();

// --- a phone that is an hour ahead: corrected by signed time, and right
await practice("user", { name: "rider-two-of-the-host" });
[context, page] = await launch("host-ahead", HOUR_MS);
await openHost(page);
await press(page, "کارت اتوبوس می‌خواهم");
await card(page).waitFor({ timeout: 10_000 });
await sees(page, "ساعت گوشی درست نیست");
await look(page, "host-clock");
await another(page);
await hold(await picture(page), "ACCEPTED");
await context.close();
away();
