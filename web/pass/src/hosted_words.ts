// What a host's page says beside the words of every code: there the pass is one of several things in an app.

import type { PassErrorName, RiderWords } from "./refusals";
import { CODE_WORDS, type Told, type Trouble } from "./words";

const of = (trouble: Trouble): RiderWords => ({
  fa: CODE_WORDS.fa.troubles[trouble],
  en: CODE_WORDS.en.troubles[trouble],
});

/** Words of errors that a rider can do something about. */
export const SAID = {
  HostUnreached: of("network"),
  HostRefused: of("refused"),
  NothingKept: of("store"),
  StorageFull: of("full"),
  ClockSpent: of("clock"),
  KeyGone: {
    fa: { what: "کارت این حساب روی این گوشی نیست", next: "شمارهٔ گوشی را به باجهٔ خدمات نشان دهید" },
    en: { what: "This account's pass is not on this phone", next: "Show the phone's number to a service desk" },
  },
} as const satisfies Partial<Record<PassErrorName, RiderWords>>;

/** The app says "not installed", which a page in another's app cannot be. */
export const NOT_KEPT: Record<"fa" | "en", Told> = {
  fa: { what: "شاید گوشی کارت را نگه ندارد", next: "داده‌های این برنامه را پاک نکنید" },
  en: { what: "The phone may not keep the pass", next: "Do not clear this app's data" },
};

export const NONE: Record<"fa" | "en", string> = {
  fa: "هنوز کارتی روی این گوشی نیست",
  en: "There is no pass on this phone yet",
};

export const ENDED: Record<"fa" | "en", string> = {
  fa: "این گوشی دیگر اعتبار ندارد",
  en: "This phone's pass has ended",
};
