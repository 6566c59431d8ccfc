// One rider's day, in Persian, on 360 x 640 with a processor slowed six times: a fresh account, its number bound,
// topped up, a ride, a transfer, the cap reached, a dispute, a refund. Every amount on the screen is the ledger's.
import { fail, look, practice, sees } from "./bus.ts";
import { another, away, card, kept, launch, openApp, picture, press } from "./phone.ts";

const [SLOWER, NUMBER, WINDOW_MS, SLACK_MS] = [6, "09121234567", 90_000, 5_000];
const PICTURES_OF_ONE = 3;
const WAITS = { timeout: 60_000 }; // a crowded machine is slow, not wrong
const TOMANS = (rials: number): string => new Intl.NumberFormat("fa-IR").format(rials / 10);

const [context, page] = await launch("phone");
page.setDefaultTimeout(WAITS.timeout);
const link = (name: string): Promise<void> => page.getByRole("link", { name, exact: true }).click();
const numbers = (is: string, name: string): Promise<number[]> =>
  page
    .locator(is)
    .evaluateAll((found, key) => found.map((it) => Number((it as HTMLElement).dataset[key])), name);

/** Every amount that the rider can see, held against the ledger; and its words in tomans. */
async function agrees(charged: number[], given: number[], balance: number): Promise<void> {
  await link("حساب من");
  await link("سفرها");
  await page.locator("[data-charged]").nth(charged.length - 1).waitFor();
  for (const rials of given) await page.locator(`[data-given="${rials}"]`).waitFor();
  const shown = { charged: await numbers("[data-charged]", "charged"), given: await numbers("[data-given]", "given") };
  if (shown.charged.join() !== charged.join()) fail(`the screen says ${shown.charged.join()}, not ${charged.join()}`);
  const told = await page.locator("[data-charged] > .row strong").allInnerTexts();
  if (told.join() !== charged.map((it) => `${TOMANS(it)} تومان`).join()) fail(`in words: ${told.join()}`);
  const steps = await page.locator("[data-charged]").evaluateAll((trips) =>
    trips.map((trip) =>
      [...trip.querySelectorAll("bdi")]
        .map((it) => it.textContent ?? "")
        .map((it) => it.replace(/[۰-۹]/g, (digit) => String("۰۱۲۳۴۵۶۷۸۹".indexOf(digit))))
        .map((it) => Number(it.replace(/[^0-9]/g, "")) * (/[-−]/.test(it) ? -10 : 10))
        .reduce((sum, rials) => sum + rials, 0),
    ),
  );
  if (steps.join() !== charged.join()) fail(`the steps add up to ${steps.join()}`);
  await link("بازگشت");
  await link("بازگشت");
  await card(page).waitFor();
  await page.locator(".wallet").getByText(TOMANS(balance), { exact: true }).waitFor();
  await practice("ledger", { ...shown, balance });
}
async function rides(bus: number, count: number): Promise<void> {
  await another(page); // at each bus a code of its own
  const pngs: string[] = [];
  // A slow phone's picture may come when its turn is over: one of several shows the long form.
  for (let turn = 0; turn < PICTURES_OF_ONE; turn += 1) pngs.push(await picture(page));
  await practice("ride", { pngs, bus, rides: count });
}

// --- a fresh account, and its number
await openApp(page, SLOWER);
await press(page, "شروع");
await card(page).waitFor();
await kept(page);
await link("حساب من");
await link("شمارهٔ تلفن");
await page.getByLabel("شمارهٔ تلفن همراه").fill("۰۹۱۲۱۲۳۴۵۶۷");
await press(page, "کد را پیامک کن");
await page.getByLabel("کد پیامک‌شده").waitFor();
const { code } = (await practice("code", { number: NUMBER, for: "bind" })) as { code: string };
await page.getByLabel("کد پیامک‌شده").fill(code);
await press(page, "تأیید");
await page.locator("[data-bound=true]").waitFor();
await link("بازگشت");
await link("بازگشت");

// --- topped up at the provider
await link("شارژ");
await press(page, "۲۰٬۰۰۰ تومان");
await link("بازگشت به برنامه");
await page.locator("[data-standing=paid]").waitFor();
await page.locator('[data-balance="200000"]').waitFor();
await link("بازگشت");
await card(page).waitFor();
await practice("ledger", { charged: [], given: [], balance: 200_000 });

// --- a ride, and another bus within the window: a transfer
const began = Date.now();
await rides(1, 1);
await rides(2, 2);
if (Date.now() - began > WINDOW_MS - SLACK_MS) fail("this machine is too slow for a transfer: make WINDOW_S longer");
await agrees([0, 50_000], [], 150_000);
await look(page, "passenger-whole-code", { scrolls: true });

// --- behind the window a fare of its own, and of it what the day's cap leaves
await page.waitForTimeout(Math.max(0, began + WINDOW_MS + SLACK_MS - Date.now()) + SLACK_MS);
await rides(3, 3);
await agrees([30_000, 0, 50_000], [], 120_000);

// --- disputed where it is read, and a part of it given back by two people
await link("حساب من");
await link("سفرها");
await page.locator("[data-charged]").nth(2).waitFor();
await sees(page, /سقف/);
await look(page, "passenger-whole-trips", { scrolls: true });
await page.locator('[data-charged="50000"]').getByRole("button", { name: "این درست نیست" }).click();
await page.getByLabel("بیش از کرایه حساب شده").check();
await press(page, "بفرست");
await page.locator("[data-dispute=open]").waitFor();
await practice("ledger", { charged: [30_000, 0, 50_000], given: [0], balance: 120_000 });
await practice("refund", { amount_rials: 20_000, answer: "بخشی از کرایه برگشت" });
await page.reload();
await page.locator("[data-dispute=partly-refunded]").waitFor();
await sees(page, "به موجودی برگشت: ۲٬۰۰۰ تومان");
await page.locator("[data-dispute]").scrollIntoViewIfNeeded();
await look(page, "passenger-dispute-refunded", { scrolls: true });
await link("بازگشت");
await link("بازگشت");
await card(page).waitFor();
await agrees([30_000, 0, 30_000], [20_000], 140_000); // what was given back is a step of its own
await context.close();
away();
