// A rider's rights in Chromium: all of his data as a file, a reduced fare, a ward's money, and the account's end.
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { fail, look, practice, sees } from "./bus.ts";
import { away, begun, card, large, press } from "./phone.ts";

const link = (on: Page, name: string): Promise<void> => on.getByRole("link", { name, exact: true }).click();
const stands = (on: Page, is: string): Promise<void> => on.locator(is).waitFor({ timeout: 20_000 });
async function opened(on: Page, name: string): Promise<void> {
  await link(on, "حساب من");
  await link(on, name);
}
async function home(on: Page): Promise<void> {
  await link(on, "بازگشت");
  await link(on, "بازگشت");
  await card(on).waitFor();
}

const [context, page] = await begun("phone");
await link(page, "شارژ");
await press(page, "۲۰۰٬۰۰۰ تومان");
await link(page, "بازگشت به برنامه");
await stands(page, "[data-standing=paid]");
await link(page, "بازگشت");

// --- all that is held of him, as a file; one that was cut off is none
await opened(page, "داده‌های من");
await look(page, "passenger-data");
for (const body of ['{"format":1,"account":[', '{"format":1}']) {
  await context.route(/\/export$/, (route) => route.fulfill({ status: 200, body }));
  await press(page, "ذخیرهٔ فایل");
  await sees(page, "شبکه نیست");
  await context.unroute(/\/export$/);
}
const coming = page.waitForEvent("download");
await press(page, "ذخیرهٔ فایل");
const file = await coming;
if (file.suggestedFilename() !== "savar-export.json") fail(file.suggestedFilename());
const held = JSON.parse(readFileSync(await file.path(), "utf-8")) as { complete: boolean; credential_id: string };
await sees(page, "فایل savar-export.json ذخیره شد");
const mine = held.credential_id;
if (!held.complete || !/^[0-9a-f]{16}$/.test(mine)) fail(`the file is not whole: ${JSON.stringify(held).slice(0, 99)}`);
await practice("balance", { of: mine, rials: 2_000_000 });
await home(page);

// --- a reduced fare: refused words, asked for, withdrawn, asked for again, granted
await opened(page, "تخفیف کرایه");
await sees(page, "کرایهٔ شما کرایهٔ بزرگسال است.");
async function ask(reference: string): Promise<void> {
  await page.getByLabel("دانشجو و دانش‌آموز").check();
  await page.getByLabel("کارت دانشجویی یا دانش‌آموزی").check();
  await page.getByLabel("صادرکنندهٔ مدرک").fill("دانشگاه اصفهان");
  await page.getByLabel("چهار نویسهٔ پایانی شمارهٔ مدرک").fill(reference);
  await press(page, "بفرست");
}
await press(page, "درخواست تخفیف");
await press(page, "بفرست");
await sees(page, /تخفیف و مدرک را برگزینید/);
await look(page, "passenger-concession-ask", { scrolls: true });
await large(page, "passenger-concession-large");
await ask("۱۲۳۴۵۶۷۸۹");
await sees(page, /نه شمارهٔ کامل/);
await ask("۴۸۲۱");
await stands(page, "[data-application=open]");
await look(page, "passenger-concession-open", { scrolls: true });
await press(page, "پس گرفتن درخواست");
await stands(page, "[data-application=withdrawn]");
await press(page, "درخواست تخفیف");
await ask("۴۸۲۱");
await stands(page, "[data-application=open]");
await practice("grant", {});
await page.reload();
await stands(page, "[data-application=granted]");
await stands(page, "[data-class='2']");
await practice("class", { of: mine, is: 0 });
await press(page, "تازه کردن کد");
await page.getByRole("button", { name: "تازه کردن کد" }).waitFor({ state: "detached" });
if (await page.locator("[data-trouble]").count()) fail("renewed, and it says that it was not");
await look(page, "passenger-concession", { scrolls: true });
await practice("class", { of: mine, is: 2 });
await home(page);

// --- a ward: established at a desk by the numbers that both phones show, given money, ended by the ward
const [theirs, ward] = await begun("ward");
await opened(ward, "سرپرست و خانواده");
const other = (await ward.locator(".key").textContent()) ?? "";
await look(ward, "passenger-family-none");
await practice("guardian", { guardian: mine, ward: other });
await opened(page, "سرپرست و خانواده");
await stands(page, `[data-other="${other}"]`);
await press(page, "دادن از موجودی خودم");
await look(page, "passenger-family-give", { scrolls: true });
await press(page, "۵۰٬۰۰۰ تومان");
await page.getByText("به موجودی او افزوده شد").waitFor({ timeout: 20_000 });
await sees(page, /موجودی: ۵۰٬۰۰۰ تومان/);
await look(page, "passenger-family", { scrolls: true });
await practice("balance", { of: other, rials: 500_000 });
await practice("balance", { of: mine, rials: 1_500_000 });
await ward.reload();
await stands(ward, `[data-other="${mine}"]`);
await press(ward, "پایان سرپرستی");
await sees(ward, "تنها باجه آن را برمی‌گرداند");
await look(ward, "passenger-family-end", { scrolls: true });
await press(ward, "بله، پایان بده");
await ward.locator("[data-other]").waitFor({ state: "detached" });
await theirs.close();
await home(page);

// --- the end: what goes and what is paid is said, asked once more, and what is left is read on
await opened(page, "بستن حساب");
await sees(page, /موجودی ۱۲۰ روز می‌ماند/);
await sees(page, "۱۵۰٬۰۰۰");
await look(page, "passenger-closing", { scrolls: true });
await large(page, "passenger-closing-large");
await press(page, "بستن حساب");
await sees(page, "حساب برای همیشه بسته شود؟");
await look(page, "passenger-closing-sure");
await press(page, "نه، بماند");
await press(page, "بستن حساب");
await practice("cut", {});
await press(page, "بله، ببند");
await sees(page, "شبکه نیست");
await practice("mend", {});
await press(page, "بله، ببند");
await stands(page, "[data-closed][data-waits='1500000'][data-owed='0']");
if (await card(page).count()) fail("a closed account shows a code");
await look(page, "passenger-closed", { scrolls: true });
await page.reload();
await stands(page, "[data-closed][data-waits='1500000'][data-owed='0']");
await practice("closed", { of: mine, rials: 1_500_000 });
await press(page, "English");
await sees(page, "It waits until");
await look(page, "passenger-closed-english", { scrolls: true });
await context.close();
away();
