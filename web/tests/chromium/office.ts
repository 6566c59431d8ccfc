// The office in Chromium with an authenticator of its own (CDP): an invitation, a passkey, a decision, two browsers.
import type { CDPSession, Page } from "playwright-core";
import { browse, fail, look, open, sees } from "./bus.ts";

const [code, spent] = (process.argv[4] ?? "").split(" ");
const SIZE = { width: 900, height: 1400 };
const browser = await browse();

async function authenticator(page: Page): Promise<[CDPSession, string]> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return [cdp, authenticatorId];
}

const press = (page: Page, name: string): Promise<void> => page.getByRole("button", { name, exact: true }).click();

async function invite(page: Page, with_: string): Promise<void> {
  await page.getByLabel("کد دعوت‌نامه").fill(with_);
  await page.getByLabel("نام این دستگاه").fill("رایانهٔ دفتر");
  await press(page, "ساختن کلید");
}

const page = await open(browser, "/office/", SIZE);
const [cdp, authenticatorId] = await authenticator(page);
await sees(page, "ورود به دفتر");
if ((await page.evaluate(() => document.documentElement.dir)) !== "rtl") fail("Persian does not stand first");
await look(page, "office-sign-in");

// Nobody's passkey yet; then an invitation that is none, and the one that is.
await press(page, "ورود با کلید عبور");
await sees(page, "کلید عبور به کار نرفت");
await press(page, "دعوت‌نامه دارم");
await invite(page, spent ?? "");
await sees(page, "با این وارد نمی‌شوید");
await invite(page, code ?? "");
await sees(page, "کلید ساخته شد؛ اکنون وارد شوید");

await press(page, "ورود با کلید عبور");
await sees(page, "جاهایی که وارد شده‌ام");
await sees(page, "رایانهٔ دفتر");
await sees(page, "سند دستی");
await sees(page, "۶۰٬۰۰۰ ریال");
await look(page, "office-home");
const cookies = await page.context().cookies();
const session = cookies.find((it) => it.name === "__Host-savar");
if (!session?.httpOnly || !session.secure || session.sameSite !== "Strict") fail(JSON.stringify(cookies));
if ((await page.evaluate(() => document.cookie)) !== "") fail("a script reads the session");

// A decision takes the passkey: not without the person at it, and then it is carried out.
await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
await press(page, "تأیید");
await sees(page, "کلید عبور به کار نرفت");
await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });
await press(page, "تأیید");
await sees(page, "تأیید شد");
await sees(page, "چیزی در انتظار نیست.");

// A proposal takes it, too; what is no number is refused, and she does not decide her own.
await press(page, "سند دستی");
const fill = (label: string, text: string): Promise<void> => page.getByLabel(label, { exact: true }).fill(text);
await fill("حساب بدهکار", "suspense");
await fill("حساب بستانکار", "operator:metro");
await fill("مبلغ به ریال", "هزار");
await fill("چرا", "اصلاح شمارش");
await look(page, "office-propose");
await press(page, "پیشنهاد می‌کنم");
await sees(page, "یکی از خانه‌ها درست نیست");
await fill("مبلغ به ریال", "۴۰۰۰");
await press(page, "پیشنهاد می‌کنم");
await sees(page, "پیشنهاد شد؛ همکار دیگری تصمیم می‌گیرد");
await sees(page, "اصلاح شمارش");
await press(page, "تأیید");
await sees(page, "پیشنهاد خود شماست");

// It stays signed in when it is loaded anew; in English, too; and then everywhere out.
await page.reload();
await sees(page, "جاهایی که وارد شده‌ام");
await press(page, "English");
await sees(page, "Where I am signed in");
await look(page, "office-home-english");
await press(page, "Sign out everywhere");
await sees(page, "Sign in to the office");
await page.reload();
await sees(page, "Sign in to the office");
const { credentials } = await cdp.send("WebAuthn.getCredentials", { authenticatorId });
console.log(JSON.stringify({ counts: credentials.map((it) => it.signCount), cookie: session.value }));
await browser.close();
