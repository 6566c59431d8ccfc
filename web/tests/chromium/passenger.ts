// The passenger's app in Chromium: begun once, then without a network from cold starts, before real validators.
import { fail, look, practice, sees } from "./bus.ts";
import { another, away, card, hold, kept, large, launch, openApp, picture, press, presented } from "./phone.ts";

// --- the first time, with a network; by keyboard alone
let [context, page] = await launch("phone");
await openApp(page);
await sees(page, "کرایهٔ اتوبوس با گوشی");
if ((await page.evaluate(() => document.documentElement.dir)) !== "rtl") fail("Persian does not stand first");
await look(page, "passenger-first");
await large(page, "passenger-first-large");
await practice("cut", {});
await press(page, "شروع");
await sees(page, "شبکه نیست");
await look(page, "passenger-no-network");
await practice("mend", {});
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

// --- no network, and cold starts: as it is, and as slow as a cheap old phone's processor
await practice("row", {});
await practice("cut", {});
for (const slower of [6, 1]) {
  [context, page] = await launch("phone");
  await openApp(page, slower);
  await card(page).waitFor({ timeout: 20_000 });
  const cold = Math.round(await page.evaluate(() => performance.getEntriesByName("code").at(0)?.startTime ?? NaN));
  console.log(`cold start without a network, processor ${slower} times slower: code after ${cold} ms (bound: 1,000)`);
  if (slower > 1) await context.close();
}
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
const at = await presented(page);
const both = [await picture(page, "short"), await picture(page, "long")];
if ((await presented(page)) !== at) fail("a render was not shown in both forms");
await hold(both, "ACCEPTED", 3); // and that one has the rider's row: both forms are one showing
await large(page, "passenger-code-large");
await context.close();
away();
