// A trip that is disputed in Chromium: the answer is lost, it is told again and is one; refused with its reason.
import { fail, look, practice, sees } from "./bus.ts";
import { away, begun, large, picture, press } from "./phone.ts";

const [context, page] = await begun("phone");
const link = (name: string): Promise<void> => page.getByRole("link", { name, exact: true }).click();
const state = (name: string): Promise<void> => page.locator(`[data-dispute=${name}]`).waitFor({ timeout: 20_000 });

await practice("ride", { png: await picture(page), rides: 1 });
await link("حساب من");
await link("سفرها");
await press(page, "این درست نیست");
await press(page, "بفرست");
await sees(page, "یکی را برگزینید");
await page.getByLabel("اتوبوس مرا نبرد").focus();
await page.keyboard.press("Space");
await look(page, "passenger-dispute", { scrolls: true });
await large(page, "passenger-dispute-large");

// --- no network, then an answer that is lost: pressed again it is the same dispute
await page.getByLabel("اگر خواستید، بیشتر بگویید").fill("در بسته بود و راننده رفت");
await practice("cut", {});
await press(page, "بفرست");
await sees(page, "شبکه نیست");
await practice("mend", {});
let told = 0;
await context.route(/\/disputes$/, async (route) => {
  if (route.request().method() !== "POST") return route.continue();
  told += 1;
  await route.fetch();
  await route.abort();
});
await press(page, "بفرست");
while (told === 0) await page.waitForTimeout(50);
await sees(page, "شبکه نیست");
await context.unroute(/\/disputes$/);
await press(page, "بفرست");
await state("open");
await sees(page, "در دست بررسی");
await sees(page, /پاسخ تا/);
if (await page.getByRole("button", { name: "این درست نیست" }).count()) fail("it can be disputed twice");
await look(page, "passenger-dispute-open", { scrolls: true });

// --- refused, with its reason and words; kept for reading without a network
await practice("refuse", { why: "fare-right", answer: "کرایهٔ این خط همین است" });
await page.reload();
await state("refused");
await sees(page, "کرایه برابر تعرفه است");
await sees(page, /کرایهٔ این خط همین است/);
await look(page, "passenger-dispute-refused", { scrolls: true });
await practice("cut", {});
await page.reload();
await sees(page, "شبکه نیست");
await state("refused");
await sees(page, /کرایهٔ این خط همین است/);
await context.close();
away();
