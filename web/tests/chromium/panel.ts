// The rider's panel of a door: every verdict of the table, hints, a free ride. Nothing is cut off, axe finds nothing.
import { BASE, browse, fail, look, open, practice, ride, sees } from "./bus.ts";

const browser = await browse();
const size = { width: 1024, height: 600 };
const page = await open(browser, "/panel.html?door=1", size);
const driver = await open(browser, "/");

await sees(page, "کد را جلوی دوربین بگیرید");
await driver.request.post(BASE + "/v1/sign-in", { data: { number: "4021", pin: "1234" } });
await driver.request.post(BASE + "/v1/serve", { data: { route: "91", direction: 1 } });
await sees(page, "دانشگاه اصفهان");
await look(page, "panel-idle");
// What a phone's camera is held to: the test reads it as a camera app would.
const code = page.getByRole("img", { name: "یا این را با گوشی اسکن کنید" });
console.log((await code.screenshot()).toString("base64"));
const rear = await open(browser, "/panel.html?door=2", size);
await sees(rear, "کد را جلوی دوربین بگیرید");
if ((await rear.getByRole("img").count()) !== 0) fail("the other door's panel shows a code whose lamp is not its own");

const shown: Record<number, [string, string, number?]> = {
  1: ["خوش آمدید", "accepted", 3],
  2: ["خوش آمدید، با تخفیف", "concession"],
  4: ["کرایه پیش‌تر پرداخت شده؛ بفرمایید", "already-paid"],
  6: ["کد قدیمی است؛ برنامه را تازه کنید", "expired"],
  14: ["کد کرایه نیست؛ کد برنامه را نشان دهید", "foreign"],
  15: ["کد معتبر نیست؛ برنامه را باز و کد را تازه کنید", "not-genuine"],
  18: ["دستگاه خراب است؛ سوار شوید، پول نقد ندهید", "out-of-service"],
};
for (const [verdict, [words, name, persons]] of Object.entries(shown)) {
  await ride(1, Number(verdict), persons ?? 1);
  await page.getByRole("heading", { name: words, exact: true }).waitFor({ timeout: 5_000 });
  if (verdict === "1") {
    await sees(page, "حداکثر ۱۸٬۰۰۰ تومان · ۳ نفر");
    await sees(page, /at most 18,000 tomans · 3 persons$/);
  }
  const inside = await page.evaluate(() => {
    const box = document.querySelector("main")?.firstElementChild;
    return box ? box.scrollHeight <= box.clientHeight + 1 && box.scrollWidth <= box.clientWidth + 1 : false;
  });
  if (!inside) fail(`${name} does not fit the panel`);
  await look(page, `panel-${name}`);
}
// It goes by itself, and the other door's rider is not shown here.
await ride(2, 1);
await page.getByRole("heading", { name: "کد را جلوی دوربین بگیرید" }).waitFor({ timeout: 8_000 });

await practice("hint", { door: 1, hint: "brighter" });
await sees(page, "صفحه را روشن‌تر کنید");
await look(page, "panel-hint");
await practice("hint", { door: 1, hint: null });

await driver.request.post(BASE + "/v1/free-ride", { data: { cause: 1 } });
await sees(page, "به راننده پول ندهید");
await sees(page, "شکایت: ۱۳۷");
await look(page, "panel-free");
await browser.close();
