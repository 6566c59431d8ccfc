// A rider scans a bus in Chromium: by the app's camera and by a camera app's link, online and with the bus offline.
import { BASE, fail, look, practice, sees } from "./bus.ts";
import { away, card, large, press } from "./phone.ts";
import { film, granted, link, phone } from "./scanner.ts";

const FARE = 50_000;
let [context, page] = await phone("phone", 10 * FARE);
await context.addInitScript(() => {
  const tracks: MediaStreamTrack[] = [];
  Object.assign(globalThis, { tracks });
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (asked) => {
    const stream = await open(asked);
    tracks.push(...stream.getTracks());
    return stream;
  };
});
await page.reload();
await card(page).waitFor();

// --- a first scan, as it is timed: nothing of the reader came before it was wanted
const asked: string[] = [];
context.on("request", (request) => asked.push(new URL(request.url()).pathname));
await film("bus");
const began = Date.now();
await link(page, "اسکن");
const confirm = page.getByRole("button", { name: "سوار می‌شوم", exact: true });
await confirm.waitFor({ timeout: 20_000 });
const read = Date.now();
await confirm.click();
await granted(page, FARE);
const given = Date.now();
await practice("green", { lamps: ["ACCEPTED"] });
const green = Date.now();
console.log(
  `camera and reader wanted to code told ${read - began} ms, confirmed to grant ${given - read} ms, ` +
    `in all to the green lamp ${green - began} ms (bound: 3,000)`,
);
if (!asked.some((path) => path.endsWith(".wasm"))) fail("it was not read by our own reader, or came before");
await sees(page, "سوار شوید");
await look(page, "passenger-scan-granted", { scrolls: true });
await large(page, "passenger-scan-granted-large");
await practice("settled", { rials: FARE });

// --- the camera: open while somebody looks through it, and at no other time
const live = (count: number): Promise<unknown> =>
  page.waitForFunction(
    (count) =>
      (globalThis as unknown as { tracks: MediaStreamTrack[] }).tracks.filter((it) => it.readyState === "live")
        .length === count,
    count,
  );
const visible = (state: string): Promise<void> =>
  page.evaluate((state) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
await live(0);
await film("nothing");
await press(page, "اسکن دوباره");
await sees(page, "دوربین را جلوی کد صفحهٔ اتوبوس بگیرید");
await live(1);
await look(page, "passenger-scan");
await large(page, "passenger-scan-large");
await visible("hidden");
await live(0);
await visible("visible");
await live(1);
await link(page, "کد کرایه");
await card(page).waitFor();
await live(0);

// --- closed and opened again: the grant is there still, and the way to the own code
await page.reload();
await link(page, "اسکن");
await sees(page, "پیش‌تر تأیید کردید"); // and not "board": it may be of the bus before
await granted(page, FARE);
await link(page, "کد کرایه");
await card(page).waitFor();
await context.close();

// --- a bus without a network: by a camera app's link, with a companion; the screen's code boards
[context, page] = await phone("other", 10 * FARE);
await practice("broker", { on: false });
const { written } = await film("bus");
await page.goto(`${BASE}/v#${written}`);
await sees(page, "خط ۹۱");
if (page.url() !== `${BASE}/passenger/#scan`) fail(`the code stays in the address: ${page.url()}`);
await press(page, "یک نفر بیشتر");
await sees(page, "۱۰٬۰۰۰");
await look(page, "passenger-scan-seen");
await large(page, "passenger-scan-seen-large");
await press(page, "سوار می‌شوم");
await granted(page, 2 * FARE);
await practice("aside", { rials: 2 * FARE, paid: 0 });
await practice("hold", { png: (await page.screenshot()).toString("base64") });
await practice("green", { lamps: ["ACCEPTED", "ACCEPTED"] });
await practice("broker", { on: true });
await practice("settled", { rials: 2 * FARE });
await context.close();
away();
