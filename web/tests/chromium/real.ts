// A shift on a real validator without a network: its totals are held against the ledger's after it has synced.
import { browse, look, open, ride, sees, touch, totals, type } from "./bus.ts";

const V = { ACCEPTED: 1, AGAIN: 4, FREE: 16 };
const browser = await browse();
const page = await open(browser, "/");

async function boarded(door: number, persons: string): Promise<void> {
  await page.locator(".door").nth(door - 1).locator(".count").getByText(persons, { exact: true }).waitFor();
}

await type(page, "4021");
await touch(page, "بعدی");
await type(page, "1234");
await touch(page, "ورود");
await touch(page, /۹۱.*دانشگاه اصفهان/);
await sees(page, "هنوز کسی سوار نشده است.");

await ride(1, V.ACCEPTED);
await ride(1, V.ACCEPTED, 3);
await ride(2, V.ACCEPTED); // the rear door follows, and says by its records what it answered
await boarded(2, "۱");
await ride(1, V.AGAIN);
await sees(page, "در درِ دیگر پرداخت شده؛ نگاه کنید");
await ride(1, V.ACCEPTED);
await touch(page, "از حساب من");
await touch(page, /۲ نفر/);
await sees(page, /از حساب شما/);

// The one who boarded before the two got off again: the second of what can be taken back.
await touch(page, "بازپس‌گرفتن");
await page
  .getByRole("button", { name: /پرداخت شد/ })
  .nth(1)
  .tap();
await touch(page, "پیاده شد");
await sees(page, "انجام شد");

// So did somebody at the rear door: its own journal takes it back, and its record says so.
await ride(2, V.ACCEPTED);
await boarded(2, "۲");
await touch(page, "بازپس‌گرفتن");
await page.getByRole("button", { name: /در ۲/ }).first().tap();
await touch(page, "دو بار");
await sees(page, "از درِ دیگر خواسته شد؛ پاسخش در جمع دیده می‌شود");
await boarded(2, "۱");

await touch(page, "سفر رایگان");
await touch(page, "دستگاه خراب است");
await sees(page, /سفر رایگان؛/);
await ride(1, V.FREE);
await ride(1, V.FREE);
await ride(2, V.FREE);
await boarded(2, "۲");
await touch(page, "پایان رایگان");
await page.getByRole("button", { name: "پایان رایگان" }).waitFor({ state: "detached" });
await ride(1, V.ACCEPTED);
await touch(page, "SOS");
await touch(page, "بله، کمک");
await sees(page, "SOS نوشته شد؛ با بی‌سیم هم بگویید.");
await look(page, "real-driving");

await touch(page, "پایان شیفت");
await touch(page, "بله، پایان");
await sees(page, "جمع شیفت");
console.log(JSON.stringify(await totals(page)));
await browser.close();
