// Every word of the passenger's app, Persian first. A word that one language lacks does not compile.

import type { Trouble } from "./session.svelte";
import type { Warning } from "./warnings";

type Told = { what: string; next: string };

const fa = {
  dir: "rtl",
  other: "English",
  name: "سوار",
  welcome: "کرایهٔ اتوبوس با گوشی",
  begin: "شروع",
  beginHow: "فقط یک بار شبکه می‌خواهد.",
  beginning: "کمی صبر کنید…",
  had: "پیش‌تر حساب داشتم",
  hadTitle: "بازگرداندن حساب",
  hadHow: "حساب با موجودی‌اش به این گوشی می‌آید و گوشی پیشین از کار می‌افتد.",
  hadDesk: "به باجهٔ خدمات بروید و این شماره را نشان دهید:",
  hadThen: "پس از تأیید باجه «شروع» را بزنید. زودتر نزنید: حساب تازه می‌سازد.",
  back: "بازگشت",
  ended: "این گوشی دیگر اعتبار ندارد",
  endedNew: "شروع با حساب تازه",
  title: "کد کرایه",
  code: "کد کرایه؛ جلوی دوربین در بگیرید",
  ready: "کد آماده است",
  renewing: "کد تازه می‌شود…",
  hint: "روشنایی صفحه را زیاد کنید",
  seconds: (n: string) => `${n} ثانیه`,
  alone: "فقط خودم",
  together: (n: string) => `من و ${n} نفر`,
  more: "یک نفر بیشتر",
  fewer: "یک نفر کمتر",
  wallet: "موجودی",
  tomans: "تومان",
  warnings: {
    expired: { what: "اعتبار کد تمام شده است", next: "یک بار به شبکه وصل شوید" },
    spent: { what: "سهم سفر بی‌موجودی تمام شده است", next: "حساب را پر کنید" },
    unconfirmed: { what: "ساعت گوشی نامعلوم است", next: "یک بار به شبکه وصل شوید" },
    "expires-soon": { what: "اعتبار کد رو به پایان است", next: "یک بار به شبکه وصل شوید" },
    "clock-wrong": { what: "ساعت گوشی درست نیست", next: "کد درست است؛ ساعت را هم درست کنید" },
    "nearly-spent": { what: "بدهکارید؛ به‌زودی سوار نمی‌شوید", next: "حساب را پر کنید" },
    low: { what: "موجودی کم است", next: "حساب را پر کنید" },
    "not-kept": { what: "برنامه نصب نیست", next: "از فهرست مرورگر به صفحهٔ اصلی اضافه کنید" },
  } as Record<Warning, Told>,
  troubles: {
    network: { what: "شبکه نیست", next: "به شبکه وصل شوید و دوباره بزنید" },
    refused: { what: "انجام نشد", next: "کمی دیگر دوباره بزنید" },
    store: { what: "این مرورگر چیزی نگه نمی‌دارد", next: "از حالت ناشناس بیرون بیایید، یا با کروم باز کنید" },
    clock: { what: "ساعت گوشی را درست کنید", next: "سپس برنامه را ببندید و باز کنید" },
  } as Record<Trouble, Told>,
};
export type WordTable = typeof fa;
export type Language = "fa" | "en";

const en: WordTable = {
  dir: "ltr",
  other: "فارسی",
  name: "Savar",
  welcome: "Bus fares with your phone",
  begin: "Begin",
  beginHow: "It needs a network once.",
  beginning: "One moment…",
  had: "I had an account",
  hadTitle: "Get your account back",
  hadHow: "It comes to this phone with all that it holds, and ends on the old one.",
  hadDesk: "Go to a service desk and show this number:",
  hadThen: "When they have approved it, press “Begin”. Not before: that makes a new account.",
  back: "Back",
  ended: "This phone's pass has ended",
  endedNew: "Begin with a new account",
  title: "Fare code",
  code: "Fare code: hold it to the camera at the door",
  ready: "The code is ready",
  renewing: "A new code is coming…",
  hint: "Turn the brightness up",
  seconds: (n: string) => (n === "1" ? "1 second" : `${n} seconds`),
  alone: "Only me",
  together: (n: string) => `Me and ${n} more`,
  more: "One person more",
  fewer: "One person fewer",
  wallet: "Balance",
  tomans: "tomans",
  warnings: {
    expired: { what: "Your pass has expired", next: "Connect to a network once" },
    spent: { what: "Nothing is lent any more", next: "Top up" },
    unconfirmed: { what: "The phone's clock is not known", next: "Connect to a network once" },
    "expires-soon": { what: "Your pass expires soon", next: "Connect to a network once" },
    "clock-wrong": { what: "The phone's clock is wrong", next: "The code is right; set the clock, too" },
    "nearly-spent": { what: "You owe, and will soon not board", next: "Top up" },
    low: { what: "Your balance is low", next: "Top up" },
    "not-kept": { what: "The app is not installed", next: "Add it to the home screen in the browser's menu" },
  },
  troubles: {
    network: { what: "There is no network", next: "Connect, and press again" },
    refused: { what: "That was not done", next: "Press again in a while" },
    store: { what: "This browser keeps nothing", next: "Leave the private mode, or use Chrome" },
    clock: { what: "Set the phone's clock", next: "Then close the app and open it again" },
  },
};

export const WORDS = { fa, en };
