// Every word of the screens of a rider's rights, Persian first; loaded with the first of them that is opened.

import type { Silence } from "./asking.svelte";
import type { Language } from "./words";

type Told = { what: string; next: string };

const fa = {
  silences: {
    network: { what: "شبکه نیست", next: "وصل شوید و دوباره بزنید" },
    refused: { what: "انجام نشد", next: "کمی دیگر دوباره بزنید" },
    unsent: { what: "پیامک فرستاده نشد", next: "کمی دیگر دوباره بزنید" },
    unknown: { what: "شاید پیامک دیر برسد", next: "اگر آمد کد را بنویسید؛ اگر نه، کمی دیگر کد تازه بخواهید" },
  } as Record<Silence, Told>,
  menu: {
    number: "شمارهٔ تلفن",
  },
  number: {
    title: "شمارهٔ تلفن",
    why: "اگر گوشی گم شود، با این شماره حسابتان را پس می‌گیرید. خود شماره را نگه نمی‌داریم.",
    label: "شمارهٔ تلفن همراه",
    send: "کد را پیامک کن",
    wrong: "شماره را کامل بنویسید، مانند ۰۹۱۲۱۲۳۴۵۶۷",
    sent: (to: string, minutes: string) => `کد به ${to} پیامک شد. تا ${minutes} دقیقه کار می‌کند.`,
    code: "کد پیامک‌شده",
    codeWrong: "کد شش رقم دارد",
    confirm: "تأیید",
    again: "کد تازه بخواه",
    againIn: (n: string) => `کد تازه تا ${n} ثانیهٔ دیگر`,
    other: "شمارهٔ دیگر",
    change: "عوض کردن شماره",
    prove: "شماره مال من است",
    giveUp: "برداشتن شماره",
    giveUpHow: "با برداشتن شماره، اگر گوشی گم شود باید به باجه بروید. شماره سه روز دیگر برداشته می‌شود.",
    keep: "نه، بماند",
    notMe: "من نیستم؛ شماره را بردار",
    notMeHow: "اگر خودتان حساب را روی گوشی تازه می‌خواهید، کاری نکنید.",
  },
  dispute: {
    wrong: "این درست نیست",
    what: "چه چیزی درست نیست؟",
    choose: "یکی را برگزینید",
    more: "اگر خواستید، بیشتر بگویید",
    send: "بفرست",
    cancel: "انصراف",
    yours: "اعتراض شما",
    back: "به موجودی برگشت",
    until: "پاسخ تا",
    answer: "پاسخ",
  },
  had: {
    waits: (when: string) => `هنوز چیزی جابه‌جا نشده است. پس از ${when} با همین گوشی دوباره بیایید و کد تازه بخواهید.`,
    due: "یک روز گذشت. اکنون کد تازه بخواهید.",
    give: "دیگر منتظر نمی‌مانم",
    early: "همین حالا می‌پرسم",
  },
};
export type RightsWords = typeof fa;

const en: RightsWords = {
  silences: {
    network: { what: "There is no network", next: "Connect, and press again" },
    refused: { what: "That was not done", next: "Press again in a while" },
    unsent: { what: "The message was not sent", next: "Press again in a while" },
    unknown: { what: "The message may come late", next: "If it comes, type its code; if not, ask again in a while" },
  },
  menu: {
    number: "Telephone number",
  },
  number: {
    title: "Telephone number",
    why: "If you lose the phone, this number brings your account back. The number itself is not kept.",
    label: "Mobile number",
    send: "Send me a code",
    wrong: "Write the whole number, as 09121234567",
    sent: (to: string, minutes: string) => `A code was sent to ${to}. It is good for ${minutes} minutes.`,
    code: "The code of the message",
    codeWrong: "The code has six digits",
    confirm: "Confirm",
    again: "Ask for a new code",
    againIn: (n: string) => `A new code in ${n} seconds`,
    other: "Another number",
    change: "Change the number",
    prove: "The number is mine",
    giveUp: "Remove the number",
    giveUpHow: "Without it, a lost phone means going to a desk. The number leaves in three days.",
    keep: "No, keep it",
    notMe: "It is not me: remove the number",
    notMeHow: "If it is you who wants the account on a new phone, do nothing.",
  },
  dispute: {
    wrong: "This is wrong",
    what: "What is wrong?",
    choose: "Choose one",
    more: "Say more, if you like",
    send: "Send",
    cancel: "Cancel",
    yours: "Your dispute",
    back: "Given back to your balance",
    until: "Answered by",
    answer: "Answer",
  },
  had: {
    waits: (when: string) => `Nothing has moved yet. Come back after ${when}, with this phone, and ask for a new code.`,
    due: "The day is over. Ask for a new code now.",
    give: "I wait no more",
    early: "Ask now all the same",
  },
};

export const RIGHTS: Record<Language, RightsWords> = { fa, en };
