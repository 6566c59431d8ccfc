// The passenger's app through its life: two tabs, a hidden page, a newer version, an account that moves, a clock.
import { fail, look, practice, sees } from "./bus.ts";
import { another, away, begun, card, hold, openApp, picture, press, presented } from "./phone.ts";

const HOUR_MS = 3_600_000;
const SIZE = { width: 360, height: 640 };

// --- two tabs, and a reload: no second and counter twice
let [context, page] = await begun("phone");
const seen: string[] = [];
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

// --- a newer version: never under a code that is looked at, and then whole
await practice("newer", {});
await page.evaluate(async () => {
  document.documentElement.dataset["before"] = "yes";
  const registration = await navigator.serviceWorker.ready;
  await registration.update();
  while (registration.waiting === null) await new Promise((soon) => setTimeout(soon, 50));
});
await page.waitForTimeout(300);
if ((await page.locator("html[data-before]").count()) !== 1) fail("a newer version came under the code");
await turnAway("hidden");
await page.locator("meta[name=newer]").waitFor({ state: "attached", timeout: 10_000 });
await card(page).waitFor({ timeout: 10_000 });
const versions = await page.evaluate(() => caches.keys());
if (versions.length !== 1) fail(`more than one version is kept: ${versions.join(" ")}`);

// --- the account moves to another phone: this one says so
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
[context, page] = await begun("ahead", HOUR_MS);
await sees(page, "ساعت گوشی درست نیست");
await look(page, "passenger-clock");
await another(page);
await hold(await picture(page), "ACCEPTED");
await context.close();
away();
