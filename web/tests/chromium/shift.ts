// A driver's whole shift at the terminal, in Persian, as a finger walks it. Prints what the last screen says, as JSON.
import { browse, fail, look, open, practice, ride, sees, touch, totals, type } from "./bus.ts";

const V = { ACCEPTED: 1, CONCESSION: 2, GRACE: 3, AGAIN: 4, EXPIRED: 6, COPIED: 9, BEARER: 11, FOREIGN: 14 };
const browser = await browse();
const page = await open(browser, "/");

// Signing in: a wrong PIN first.
await sees(page, "ورود راننده");
await look(page, "sign-in");
await type(page, "4021");
await touch(page, "بعدی");
await type(page, "9999");
await touch(page, "ورود");
await sees(page, "شماره یا رمز درست نیست");
await look(page, "sign-in-wrong");
// A lost badge opens nothing; the driver's own, before the door's camera, needs one touch.
await practice("badge", { number: "4021", lost: true });
await sees(page, "کارت رانندهٔ ۴۰۲۱ پذیرفته نمی‌شود؛ با شماره و رمز وارد شوید.");
await look(page, "sign-in-badge-refused");
await practice("badge", { number: "6000" });
await sees(page, "کارت رانندهٔ ۶۰۰۰ خوانده شد؛ رمز را هم بزنید.");
if (await page.getByRole("button", { name: "ورود", exact: true }).isEnabled()) fail("this driver needs the PIN too");
await practice("badge", { number: "4021" });
await sees(page, "کارت رانندهٔ ۴۰۲۱ خوانده شد؛ «ورود» را بزنید.");
await look(page, "sign-in-badge");
await touch(page, "ورود");

// Choosing the line: one touch.
await sees(page, "خط و مسیر را انتخاب کنید");
await page.getByText("خط‌های دیگر").waitFor({ state: "detached" }); // nothing is likely yet: all of them stand there
await look(page, "lines-all");
await type(page, "99");
await sees(page, "خطی با این شماره نیست.");
await touch(page, "پاک");
await touch(page, "پاک");
await type(page, "4");
await page.getByRole("button", { name: /خط ۴۱/ }).first().waitFor();
if (await page.getByRole("button", { name: /خط ۹۱/ }).count()) fail("a typed number leaves only lines that begin so");
await touch(page, "پاک");
const likely = [["91", 1], ["24", 0], ["91", 0], ["37", 1]];
await practice("road", { likely });
await sees(page, "نزدیک شما");
if (!/دانشگاه اصفهان/.test(await page.locator("li button").first().innerText())) fail("the likeliest stands first");
await look(page, "lines");
await touch(page, /۹۱.*دانشگاه اصفهان/);
await sees(page, "هنوز کسی سوار نشده است.");

// Riders at both doors.
await ride(1, V.ACCEPTED);
await ride(2, V.CONCESSION);
await ride(1, V.ACCEPTED, 3);
await ride(2, V.AGAIN);
await ride(1, V.EXPIRED);
await ride(2, V.COPIED);
await sees(page, "کد تکراری؛ نگاه کنید");
await look(page, "driving");
await ride(2, V.ACCEPTED);
await sees(page, "پرداخت شد");

for (const [width, height] of [
  [1024, 600],
  [1280, 800],
] as const) {
  await page.setViewportSize({ width, height });
  await look(page, `driving-${width}`);
}
await page.setViewportSize({ width: 800, height: 480 });

// Somebody without a code: the driver's float pays for two.
await touch(page, "از حساب من");
await look(page, "proxy");
await touch(page, /۲ نفر/);
await sees(page, /از حساب شما/);

// The last paid one at the rear door got off again.
await touch(page, "بازپس‌گرفتن");
await look(page, "annul");
await page.getByRole("button", { name: /در ۲/ }).first().tap();
await look(page, "annul-reason");
await touch(page, "پیاده شد");
await sees(page, "از درِ دیگر خواسته شد؛ پاسخش در جمع دیده می‌شود");
await page.locator(".door").nth(1).locator(".count").getByText("۱", { exact: true }).waitFor();

// The reader fails: a free ride, two ride, the reader is well again.
await touch(page, "سفر رایگان");
await look(page, "free-ride");
await touch(page, "دستگاه خراب است");
await sees(page, /سفر رایگان؛/);
await ride(1, V.ACCEPTED);
await ride(2, V.CONCESSION);
await look(page, "driving-free");
await touch(page, "پایان رایگان");

// At a trip's end the road says another line, which nobody told: it is shown as such, and corrected in two touches.
await practice("road", { likely, inferred: true, route: "24", direction: 0 });
await sees(page, "حدس دستگاه");
await look(page, "driving-inferred");
await practice("road", { likely, inferred: true });
await sees(page, "خط معلوم نیست؛ «تغییر خط» را بزنید");
await touch(page, "تغییر خط");
await touch(page, /۹۱.*میدان امام حسین/);
await page.getByRole("heading", { name: /۹۱.*میدان امام حسین/ }).waitFor();

// A report, and a change of line in two touches.
await touch(page, "گزارش");
await look(page, "report");
await touch(page, "بیماری مسافر");
await sees(page, "نوشته شد؛ با بی‌سیم هم بگویید.");
await touch(page, "تغییر خط");
await touch(page, /۲۴.*میدان آزادی/);
await page.getByRole("heading", { name: /۲۴/ }).waitFor();
await ride(1, V.GRACE);

// Driving: all is locked but SOS.
await practice("drive", { kmh: 31 });
await sees(page, "اتوبوس در حرکت است؛ فقط SOS باز است.");
if (await page.getByRole("button", { name: "سفر رایگان" }).count())
  fail("a free ride could be given while driving");
await look(page, "moving");
await touch(page, "SOS");
await look(page, "sos");
await touch(page, "بله، کمک");
await sees(page, "SOS نوشته شد؛ با بی‌سیم هم بگویید.");
await look(page, "sos-sent");

// One page lost and opened again: the shift is still there.
await page.reload();
await practice("drive", { kmh: 0 });
await sees(page, "میدان آزادی");

// Things that are wrong with a door, in one line.
await practice("condition", { door: 2, healthy: false, problem: "the camera is lost", queue: 41 });
await sees(page, "در ۲ خراب است؛ به تعمیرگاه بگویید");
await page.getByRole("button", { name: "نور صفحه: روز" }).tap();
await page.getByRole("button", { name: "نور صفحه: شب" }).waitFor();
await look(page, "driving-night");
await page.getByRole("button", { name: "English" }).tap();
await sees(page, "Door 2 is broken: tell the workshop");
await look(page, "driving-english");
await touch(page, "My account");
await page.getByRole("button", { name: /^1 person[^s]/ }).waitFor();
await page.getByRole("button", { name: /^2 persons/ }).waitFor();
await look(page, "proxy-english");
await touch(page, "Back");
await page.getByRole("button", { name: "فارسی" }).tap();

// The end of the shift, in both languages; its words are of one alone.
await touch(page, "پایان شیفت");
await look(page, "end");
await touch(page, "بله، پایان");
await sees(page, "جمع شیفت");
await look(page, "total");
const total = await totals(page);
await page.getByRole("button", { name: "English" }).tap();
await sees(page, "Total of the shift");
await look(page, "total-english");
const said = await page.locator("section").innerText();
if (/[\u0600-\u06ff]/.test(said)) fail(`Persian in the English total: ${said}`);
await page.getByRole("button", { name: "فارسی" }).tap();
await touch(page, "بستن");
await sees(page, "ورود راننده");

// The next shift by a scanner at the terminal: it types the badge's code and Enter, and no digit of it is a PIN's.
const code = String(await practice("badge", { number: "4021", lost: true }));
await page.keyboard.type(code);
await page.keyboard.press("Enter");
await sees(page, "این کارت پذیرفته نمی‌شود");
const field = await page.getByRole("button", { name: /شمارهٔ راننده/ }).innerText();
if (!field.includes("–")) fail("a code was typed as a number");
await page.keyboard.type(String(await practice("badge", { number: "4021" })));
await page.keyboard.press("Enter");
await sees(page, "خط و مسیر را انتخاب کنید");
await browser.close();
console.log(JSON.stringify(total));
