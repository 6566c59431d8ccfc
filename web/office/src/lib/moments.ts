// Days and times as the city reads them: Jalali in Persian, and by the city's own offset, no time-zone database.

import { LIMITS } from "$generated/tables";
import type { Language } from "./words";

const LOCALE: Record<Language, string> = { fa: "fa-IR-u-ca-persian", en: "en-GB" };

/** Unix milliseconds as a day and a time. */
export function moment(wallMs: number, language: Language): string {
  const shape = { month: "long", day: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "UTC" } as const;
  return new Intl.DateTimeFormat(LOCALE[language], shape).format(wallMs + LIMITS.LOCAL_OFFSET_S * 1000);
}
