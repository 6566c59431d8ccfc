// Where a scan ends without a boarding, in Chromium: each with its words, and the way to the own code.
import { BASE, fail, look, practice, sees } from "./bus.ts";
import { away, card, press } from "./phone.ts";
import { failedBy, film, granted, link, phone } from "./scanner.ts";

const FARE = 50_000;
let [context, page] = await phone("poor", 0);

// --- what is no bus's, and what was one's five minutes ago
await film("another");
await link(page, "اسکن");
await sees(page, "این کد اتوبوس نیست");
await look(page, "passenger-scan-another");
await link(page, "کد کرایه");
await film("old");
await link(page, "اسکن");
await failedBy(page, "refused", /قدیمی است؛ کدی را که اتوبوس اکنون/);
await look(page, "passenger-scan-old");

// --- no money
await film("bus");
await press(page, "اسکن دوباره");
await press(page, "سوار می‌شوم");
await failedBy(page, "refused", /موجودی کافی نیست/);
await look(page, "passenger-scan-poor");
await press(page, "اسکن دوباره");
await page.getByRole("button", { name: "سوار می‌شوم" }).waitFor({ timeout: 20_000 });
await link(page, "کد کرایه");
await card(page).waitFor();
await context.close();

// --- the answer to a confirmation is lost: asked again it is the same grant; by keyboard alone, in English
[context, page] = await phone("rich", 10 * FARE);
await press(page, "English");
await practice("broker", { on: false });
await film("bus");
await context.route(/\/grants$/, async (route) => {
  await route.fetch();
  await route.abort();
});
await link(page, "Scan");
await sees(page, "Line 91");
await page.getByRole("button", { name: "I am boarding" }).focus();
await page.keyboard.press("Enter");
await failedBy(page, "unanswered", "No answer came");
await look(page, "passenger-scan-unanswered-english");
await practice("aside", { rials: FARE, paid: 0 });
await context.unroute(/\/grants$/);
await press(page, "Again");
await granted(page, FARE);
await practice("aside", { rials: FARE, paid: 0 });
await look(page, "passenger-scan-granted-english", { scrolls: true });

// --- no network: the reader is kept by now, and the own code is one button away
await practice("backend", { on: false });
await page.reload();
const scan = page.getByRole("button", { name: "Scan again" }); // what was granted is shown first
await Promise.all([page.waitForRequest(/vehicle-codes/), scan.click()]);
await failedBy(page, "network", "There is no network");
await look(page, "passenger-scan-no-network-english");
await link(page, "Fare code");
await card(page).waitFor();
await practice("backend", { on: true });

// --- a camera that is not allowed
await context.addInitScript(() => {
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
});
await page.reload();
await link(page, "Scan");
await press(page, "Scan again");
await failedBy(page, "denied", "The camera is not allowed");
await look(page, "passenger-scan-denied-english");
await link(page, "Fare code");
await card(page).waitFor();
if (!page.url().startsWith(BASE)) fail("left the app");
await context.close();
away();
