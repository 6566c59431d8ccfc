// Every word of the scanner, Persian first. It is loaded with its screen alone.

import type { Told } from "@savar/pass/words";
import type { Language } from "../words";

/** Why nothing was scanned or granted. What the backend tells its rider comes in the backend's own words. */
export type Failure =
  | "denied"
  | "none"
  | "busy"
  | "network"
  | "unanswered"
  | "old"
  | "refused"
  | "unproven"
  | "lapsed";

const fa = {
  title: "اسکن اتوبوس",
  look: "دوربین را جلوی کد صفحهٔ اتوبوس بگیرید",
  foreign: "این کد اتوبوس نیست",
  asking: "کمی صبر کنید…",
  line: "خط",
  lineUnknown: "خط نامعلوم",
  vehicle: "اتوبوس",
  most: "کرایه، حداکثر",
  confirm: "سوار می‌شوم",
  granted: "سوار شوید",
  before: "پیش‌تر تأیید کردید",
  lamp: "چراغ در سبز نشد؟ همین کد را جلوی دوربین در بگیرید.",
  grant: "کد سوار شدن؛ جلوی دوربین در بگیرید",
  held: "کنار گذاشته شد",
  again: "اسکن دوباره",
  retry: "دوباره",
  failures: {
    denied: { what: "دوربین اجازه ندارد", next: "در تنظیمات مرورگر اجازه بدهید، یا کد خود را نشان دهید" },
    none: { what: "دوربینی پیدا نشد", next: "کد کرایهٔ خود را نشان دهید" },
    busy: { what: "دوربین باز نشد", next: "برنامه‌های دیگر را ببندید و دوباره بزنید" },
    network: { what: "شبکه نیست", next: "کد کرایهٔ خود را نشان دهید؛ شبکه نمی‌خواهد" },
    unanswered: { what: "پاسخی نیامد", next: "چراغ در را ببینید، یا دوباره بزنید" },
    old: { what: "کد اتوبوس قدیمی شد", next: "دوباره اسکن کنید" },
    refused: { what: "انجام نشد", next: "کد کرایهٔ خود را نشان دهید" },
    unproven: { what: "پاسخ معتبر نبود", next: "کد کرایهٔ خود را نشان دهید" },
    lapsed: { what: "وقت این کد گذشت", next: "دوباره اسکن کنید" },
  } as Record<Failure, Told>,
};
export type ScanWords = typeof fa;

const en: ScanWords = {
  title: "Scan the bus",
  look: "Hold the camera to the code on the bus's screen",
  foreign: "This is no bus's code",
  asking: "One moment…",
  line: "Line",
  lineUnknown: "Line unknown",
  vehicle: "Bus",
  most: "Fare, at most",
  confirm: "I am boarding",
  granted: "You may board",
  before: "You confirmed this before",
  lamp: "No green lamp at the door? Hold this code to its camera.",
  grant: "Boarding code: hold it to the camera at the door",
  held: "Set aside",
  again: "Scan again",
  retry: "Again",
  failures: {
    denied: { what: "The camera is not allowed", next: "Allow it in the browser's settings, or show your code" },
    none: { what: "No camera was found", next: "Show your fare code" },
    busy: { what: "The camera did not open", next: "Close other apps, and press again" },
    network: { what: "There is no network", next: "Show your fare code: it needs none" },
    unanswered: { what: "No answer came", next: "Look at the door's lamp, or press again" },
    old: { what: "The bus's code is too old", next: "Scan again" },
    refused: { what: "That was not done", next: "Show your fare code" },
    unproven: { what: "The answer was not genuine", next: "Show your fare code" },
    lapsed: { what: "This code's time is over", next: "Scan again" },
  },
};

export const SCAN_WORDS: Record<Language, ScanWords> = { fa, en };
