// Trips in Chromium: none yet, one after a tap at a real door, and the same without a network.
import { fail, look, practice, sees } from "./bus.ts";
import { away, begun, large, picture, press } from "./phone.ts";

const [context, page] = await begun("phone");
const link = (name: string): Promise<void> => page.getByRole("link", { name, exact: true }).click();
const charged = (): Promise<number[]> =>
  page
    .locator("[data-charged]")
    .evaluateAll((found) => found.map((it) => Number((it as HTMLElement).dataset["charged"])));

await link("حساب من");
await link("سفرها");
await sees(page, "هنوز سفری نرسیده است");
await look(page, "passenger-trips-none");
await link("بازگشت");
await link("بازگشت");
await practice("ride", { png: await picture(page), rides: 1 });
await look(page, "passenger-code");

await link("حساب من");
await link("سفرها");
await page.locator("[data-charged]").waitFor({ timeout: 20_000 });
await practice("trips", { rials: await charged() });
await sees(page, "۵٬۰۰۰ تومان");
await sees(page, /خط نامعلوم: کمترین کرایه/);
await sees(page, /خط نامعلوم/);
await sees(page, /ایستگاه نامعلوم/);
const day = new Intl.DateTimeFormat("fa-IR-u-ca-persian", { month: "long", day: "numeric", timeZone: "Asia/Tehran" });
await sees(page, day.format(Date.now()));
await look(page, "passenger-trips", { scrolls: true });
await large(page, "passenger-trips-large");

await practice("cut", {});
await page.reload();
await sees(page, "شبکه نیست");
if ((await charged()).join() !== "50000") fail(`without a network: ${(await charged()).join()}`);
await look(page, "passenger-trips-offline", { scrolls: true });
await link("بازگشت");
await link("بازگشت");
await press(page, "English");
await link("My account");
await link("Trips");
await sees(page, /line unknown/);
await look(page, "passenger-trips-english", { scrolls: true });
await context.close();
away();
