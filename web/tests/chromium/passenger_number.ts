// A telephone number in Chromium: bound, claimed by a stranger and refused, and the account on a new phone by it.
import type { Page } from "playwright-core";
import { fail, look, practice, sees } from "./bus.ts";
import { away, begun, card, kept, large, launch, openApp, press } from "./phone.ts";

const [NUMBER, MINUTE_MS, DAY_MS] = ["09121234567", 60_000, 24 * 3_600_000];
const persian = (text: string): string => text.replace(/[0-9]/g, (digit) => "۰۱۲۳۴۵۶۷۸۹"[Number(digit)] ?? digit);
const link = (on: Page, name: string | RegExp): Promise<void> => on.getByRole("link", { name }).click();
const stands = (on: Page, is: string): Promise<void> => on.locator(is).waitFor({ timeout: 20_000 });

/** A number typed, and the code that came; a minute has passed since the one before. */
async function asked(on: Page, typed: string, what: "bind" | "sign-in"): Promise<string> {
  await practice("pass", { ms: MINUTE_MS });
  await on.getByLabel("شمارهٔ تلفن همراه").fill(typed);
  await on.keyboard.press("Enter");
  await on.getByLabel("کد پیامک‌شده").waitFor({ timeout: 20_000 });
  return ((await practice("code", { number: NUMBER, for: what })) as { code: string }).code;
}
async function proven(on: Page, typed: string, what: "bind" | "sign-in"): Promise<void> {
  const code = await asked(on, typed, what);
  await on.getByLabel("کد پیامک‌شده").fill(code);
  await press(on, "تأیید");
}

// --- the menu, and a number that is bound; what is wrong with it is said
const [context, page] = await begun("old");
await link(page, "حساب من");
await sees(page, "شمارهٔ تلفن");
await look(page, "passenger-account");
await large(page, "passenger-account-large");
await link(page, "شمارهٔ تلفن");
await stands(page, "[data-bound=false]");
await sees(page, "شمارهٔ تلفنی ثبت نیست");
await look(page, "passenger-number");
await page.getByLabel("شمارهٔ تلفن همراه").fill("۰۹۱۲۱۲۳");
await press(page, "کد را پیامک کن");
await sees(page, "شماره را کامل بنویسید");
await page.getByLabel("شمارهٔ تلفن همراه").fill("02131234567");
await press(page, "کد را پیامک کن");
await sees(page, "شمارهٔ تلفن همراه درست نیست");
await practice("messages", { next: "no-credit" });
await page.getByLabel("شمارهٔ تلفن همراه").fill(NUMBER);
await press(page, "کد را پیامک کن");
await sees(page, "پیامک فرستاده نشد");
await look(page, "passenger-number-unsent");
const code = await asked(page, "۰۹۱۲ ۱۲۳ ۴۵۶۷", "bind");
await sees(page, "کد به ۰۹۱۲۱۲۳۴۵۶۷ پیامک شد. تا ۴ دقیقه کار می‌کند.");
await look(page, "passenger-number-code");
await large(page, "passenger-number-code-large");
await page.getByLabel("کد پیامک‌شده").fill("۱۲");
await press(page, "تأیید");
await sees(page, "کد شش رقم دارد");
await page.getByLabel("کد پیامک‌شده").fill(code === "000000" ? "000001" : "000000");
await press(page, "تأیید");
await sees(page, "کد درست نیست یا زمان آن گذشته است؛ کد تازه بخواهید");
await look(page, "passenger-number-wrong");
await page.getByLabel("کد پیامک‌شده").fill(persian(code));
await page.keyboard.press("Enter");
await stands(page, "[data-bound=true]");
await look(page, "passenger-number-bound");

// --- a stranger with the number: this phone says so where its code is, and one press ends it
const [theirs, stranger] = await launch("stranger");
await openApp(stranger);
await press(stranger, "پیش‌تر حساب داشتم");
await proven(stranger, NUMBER, "sign-in");
await stands(stranger, "[data-waits=true]");
await page.reload();
await link(page, "بازگشت");
await link(page, "بازگشت");
await card(page).waitFor();
await link(page, /کسی با شمارهٔ شما حسابتان را می‌خواهد/);
await sees(page, "کسی با شمارهٔ شما این حساب را روی گوشی دیگری می‌خواهد");
await look(page, "passenger-number-claimed");
await link(page, "بازگشت");
await link(page, "بازگشت");
await stands(page, ".claim");
await look(page, "passenger-code-claimed", { scrolls: true });
await link(page, /کسی با شمارهٔ شما حسابتان را می‌خواهد/);
await press(page, "من نیستم؛ شماره را بردار");
await sees(page, "شماره چند روز دیگر از این حساب برداشته می‌شود");
await practice("pass", { ms: DAY_MS });
await stranger.reload();
await press(stranger, "همین حالا می‌پرسم");
await proven(stranger, NUMBER, "sign-in");
await stands(stranger, "[data-waits=true]"); // three days more, and seen again
await theirs.close();

// --- proven again: what the stranger waited for has ended; then a new phone of the rider's own
await proven(page, NUMBER, "bind");
await stands(page, "[data-bound=true]");
await practice("pass", { ms: DAY_MS });
let [hand, phone] = await launch("new");
await openApp(phone);
await press(phone, "پیش‌تر حساب داشتم");
await phone.getByLabel("شمارهٔ تلفن همراه").waitFor();
await look(phone, "passenger-had");
await large(phone, "passenger-had-large");
await phone.getByText("شمارهٔ تلفن ثبت نکرده بودم").click();
await sees(phone, "به باجهٔ خدمات بروید");
await look(phone, "passenger-had-desk", { scrolls: true });
await phone.getByText("شمارهٔ تلفن ثبت نکرده بودم").click();
await proven(phone, persian(NUMBER), "sign-in");
await stands(phone, "[data-waits=true]");
await look(phone, "passenger-had-waits");
await large(phone, "passenger-had-waits-large");
await phone.reload();
await stands(phone, "[data-waits=true]");
if (await card(phone).count()) fail("a phone that waits shows a code");
await hand.close();
await practice("pass", { ms: DAY_MS });
[hand, phone] = await launch("new", DAY_MS); // its clock is a day on, too
await openApp(phone);
await stands(phone, "[data-waits=false]");
await look(phone, "passenger-had-due", { scrolls: true });
await proven(phone, NUMBER, "sign-in");
await card(phone).waitFor({ timeout: 20_000 });
await kept(phone);
await phone.reload();
await card(phone).waitFor({ timeout: 20_000 });
await practice("wallet", { rials: 0 });
await page.reload();
await sees(page, "این گوشی دیگر اعتبار ندارد");
await press(page, "English");
await sees(page, "This phone's pass has ended");
await hand.close();
await context.close();
away();
