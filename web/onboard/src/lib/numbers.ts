// Numbers as people read them. Money is integer rials everywhere and shown in tomans, the unit that riders speak in.

import { LIMITS } from "$generated/tables";
import type { Language } from "./words";

const LOCALE: Record<Language, string> = { fa: "fa-IR", en: "en-GB" };
const RIALS_A_TOMAN = 10;

export function number(value: number, language: Language): string {
  return new Intl.NumberFormat(LOCALE[language]).format(value);
}

/** A name of digits (a line, a driver's number) in the language's digits, without grouping. */
export function digits(text: string, language: Language): string {
  if (language === "en") return text;
  return text.replace(/[0-9]/g, (digit) => "۰۱۲۳۴۵۶۷۸۹"[Number(digit)] ?? digit);
}

/** The digits of a text as ASCII digits, whatever script they are written in: "خط ۲۴/۱" is "241". */
export function asciiDigits(text: string): string {
  return text
    .replace(/[۰-۹]/g, (digit) => String("۰۱۲۳۴۵۶۷۸۹".indexOf(digit)))
    .replace(/[٠-٩]/g, (digit) => String("٠١٢٣٤٥٦٧٨٩".indexOf(digit)))
    .replace(/\D/g, "");
}

export function tomans(rials: number, language: Language): string {
  return number(rials / RIALS_A_TOMAN, language);
}

/** Unix milliseconds as the city's clock shows them: no time-zone database, as in protocol/localtime. */
export function clock(wallMs: number, language: Language): string {
  const minutes = Math.floor((Math.floor(wallMs / 1000) + LIMITS.LOCAL_OFFSET_S) / 60) % (24 * 60);
  const two = (value: number): string => String(value).padStart(2, "0");
  return digits(`${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`, language);
}

export function isNight(wallMs: number): boolean {
  const hour = Math.floor(((Math.floor(wallMs / 1000) + LIMITS.LOCAL_OFFSET_S) / 3600) % 24);
  return hour >= 18 || hour < 6;
}

/** A span as minutes and seconds. */
export function span(ms: number, language: Language): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return digits(`${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`, language);
}
