// What is said of a code, wherever it is shown, Persian first. A word that one language lacks does not compile.

import type { Warning } from "./warnings";

/** Why there is no code: no network, refused, a browser that keeps nothing, a phone that is full, a clock past use. */
export type Trouble = "network" | "refused" | "store" | "full" | "clock";
export type Told = { what: string; next: string };

const fa = {
  code: "کد کرایه؛ جلوی دوربین در بگیرید",
  renewing: "کد تازه می‌شود…",
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
    full: { what: "حافظهٔ گوشی پر است", next: "کمی جا باز کنید؛ سپس برنامه را ببندید و باز کنید" },
    clock: { what: "ساعت گوشی را درست کنید", next: "سپس برنامه را ببندید و باز کنید" },
  } as Record<Trouble, Told>,
};

const en: typeof fa = {
  code: "Fare code: hold it to the camera at the door",
  renewing: "A new code is coming…",
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
    full: { what: "The phone's storage is full", next: "Free some room, then close the app and open it again" },
    clock: { what: "Set the phone's clock", next: "Then close the app and open it again" },
  },
};

export const CODE_WORDS = { fa, en };
