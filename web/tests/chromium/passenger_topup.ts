// Top-ups in Chromium: by the provider's page and back, an answer that is lost, unpaid, and not known yet.
import type { Page } from "playwright-core";
import { BASE, fail, look, practice, sees } from "./bus.ts";
import { away, begun, large, press } from "./phone.ts";

const [context, page] = await begun("phone");
const link = (name: string): Promise<void> => page.getByRole("link", { name, exact: true }).click();

/** The balance that the screen shows, in rials as the page knows it and in the words that the rider reads. */
async function holds(rials: number, tomans: string): Promise<void> {
  await page.locator(`[data-balance="${rials}"]`).getByText(tomans, { exact: true }).waitFor({ timeout: 20_000 });
  await practice("wallet", { rials });
}
const stands = (name: string): Promise<void> =>
  page.locator(`[data-standing=${name}]`).waitFor({ timeout: 20_000 });
async function never(on: Page, text: string): Promise<void> {
  if ((await on.getByText(text).count()) > 0) fail(`it says ${text}`);
}

await link("شارژ");
await sees(page, "چقدر شارژ شود؟");
await holds(0, "۰");
await look(page, "passenger-topup");
await large(page, "passenger-topup-large");

// --- nobody there; then the answer of the start is lost, and asked again it is the same top-up
await practice("cut", {});
await press(page, "۵۰٬۰۰۰ تومان");
await stands("unasked");
await look(page, "passenger-topup-unasked");
await practice("mend", {});
await context.route(/\/topups$/, async (route) => {
  await route.fetch();
  await route.abort();
});
await press(page, "۵۰٬۰۰۰ تومان");
await page.waitForTimeout(500);
await stands("unasked");
await practice("asked", { payments: 1 });
await context.unroute(/\/topups$/);
await page.reload();
await stands("unasked");
await press(page, "۵۰٬۰۰۰ تومان");
await sees(page, "به کیف پول شما افزوده شد");
await practice("asked", { payments: 1 });
await look(page, "passenger-payment-page", { scrolls: true });
await link("بازگشت به برنامه");
await stands("paid");
await holds(500_000, "۵۰٬۰۰۰");
await look(page, "passenger-topup-paid");

// --- the rider gives up at the bank
await practice("provider", { unpaid: 1 });
await press(page, "۲۰٬۰۰۰ تومان");
await link("بازگشت به برنامه");
await stands("failed");
await holds(500_000, "۵۰٬۰۰۰");
await look(page, "passenger-topup-failed");

// --- paid, and nobody came back: kept over a cold start and without an answer, and never said too early
await practice("provider", { no_callback: 1 });
await press(page, "۱۰۰٬۰۰۰ تومان");
await page.getByText("the way back is lost").waitFor();
await practice("provider", { unavailable: 1 });
await page.goto(`${BASE}/passenger/`);
await link("نتیجهٔ شارژ");
await stands("unreached");
await never(page, "پرداخت شد");
await look(page, "passenger-topup-unknown");
await large(page, "passenger-topup-unknown-large");
await practice("cut", {});
await page.reload();
await stands("unreached");
await never(page, "پرداخت شد");
await practice("mend", {});
await practice("provider", {});
await stands("paid"); // by itself
await holds(1_500_000, "۱۵۰٬۰۰۰");

// --- seen: the code's screen says no more of it, and the balance anew
await link("بازگشت");
await page.locator("[data-presentation]").waitFor();
await page.getByRole("link", { name: "شارژ", exact: true }).waitFor();
await sees(page, "۱۵۰٬۰۰۰");
await look(page, "passenger-code-topup");
await press(page, "English");
await page.getByRole("link", { name: "Top up", exact: true }).click();
await sees(page, "How much?");
await look(page, "passenger-topup-english");
await context.close();
away();
