// Words of the status page, Persian and English. The words of verdicts are not here: they come from /v1/status.

export const WORDS = {
  fa: {
    name: "سوار", counts: "شمارش از آغاز", accepted: "پذیرفته", refused: "رد شده", posted: "تومان ثبت‌شده",
    quarantined: "پیام قرنطینه", alarms: "هشدارهای باز", noAlarms: "هشداری باز نیست.", boardings: "سوار شدن‌ها",
    noBoardings: "هنوز سوار شدنی نرسیده است.", time: "زمان", vehicle: "اتوبوس", door: "در", verdict: "پاسخ",
    fare: "کرایه (تومان)", devices: "دستگاه‌ها", noDevices: "هیچ دستگاهی ثبت نشده است.", device: "دستگاه",
    seen: "آخرین خبر", backlog: "در راه", cameras: "دوربین‌ها و برد چراغ", problem: "ایراد", never: "هرگز", noProblem: "–",
    noNews: "گزارشی نرسیده", online: "وصل", offline: "قطع",
    live: "زنده", starting: "در حال وصل شدن…", lost: "ارتباط قطع شد؛ دوباره وصل می‌شود…", asOf: "آخرین خبر ساعت",
    since: "از", next: "کار بعدی", detail: "جزئیات",
    doorOf: (n) => `در ${n}`,
    lensOf: (blur, haze) => `عدسی: تاری ${blur}٪، غبار ${haze}٪`,
    boardOf: (state) => `برد چراغ ${state}`,
    supplyOf: (volts, low) => `برق ${volts} ولت${low ? "، کم است" : ""}`,
  },
  en: {
    name: "Savar", counts: "Counts since the beginning", accepted: "accepted", refused: "refused", posted: "tomans posted",
    quarantined: "messages quarantined", alarms: "Open alarms", noAlarms: "No alarm is open.", boardings: "Boardings",
    noBoardings: "No boarding has arrived yet.", time: "Time", vehicle: "Bus", door: "Door", verdict: "Answer",
    fare: "Fare (tomans)", devices: "Devices", noDevices: "No device is enrolled.", device: "Device",
    seen: "Last word", backlog: "On the way", cameras: "Cameras, panel board", problem: "Problem", never: "never", noProblem: "–",
    noNews: "no report yet", online: "online", offline: "offline",
    live: "Live", starting: "Connecting…", lost: "Connection lost, reconnecting…", asOf: "last word at",
    since: "since", next: "Next", detail: "Detail",
    doorOf: (n) => `door ${n}`,
    lensOf: (blur, haze) => `lens: blur ${blur} %, haze ${haze} %`,
    boardOf: (state) => `panel board ${state}`,
    supplyOf: (volts, low) => `supply ${volts} V${low ? ", low" : ""}`,
  },
};

export const CITIES = { isfahan: { fa: "اصفهان", en: "Isfahan" } };

export const CAMERA_STATES = {
  starting: { fa: "در حال آغاز", en: "starting" },
  working: { fa: "کار می‌کند", en: "working" },
  stalled: { fa: "تصویر تازه ندارد", en: "no new picture" },
  missing: { fa: "نیست", en: "missing" },
  ended: { fa: "به پایان رسید", en: "ended" },
};

export const BOARD_STATES = {
  there: { fa: "کار می‌کند", en: "working" },
  gone: { fa: "نیست", en: "missing" },
  refused: { fa: "با نرم‌افزار نمی‌خواند", en: "does not fit the software" },
};

// Who pays when it is not the rider: a case for a person.
export const CASES = {
  copied: { fa: "پرونده: کد کپی", en: "case: copied code" },
  forgotten: { fa: "پرونده: روز فراموش‌شده", en: "case: a forgotten day" },
  "over-float": { fa: "پرونده: بیش از سقف راننده", en: "case: beyond the driver's float" },
  "no-proof": { fa: "پرونده: بی‌گواه", en: "case: no proof" },
  "unknown-credential": { fa: "پرونده: اعتبار ناشناس", en: "case: unknown pass" },
};

// Alarms by name; one that is not here shows its name. The detail is the backend's own English text.
export const ALARMS = {
  "old-bundle": {
    fa: ["دستگاه بسته‌ی تازه‌ی نرخ و کلید را نگرفته", "مشکل دستگاه و شبکه‌ی آن را ببینید، یا بسته را از پایانه ببرید."],
    en: ["Device is kept from the newest bundle", ""],
  },
  hot: {
    fa: ["دستگاه داغ و کند شده", "آفتاب، هوا و راه گرمای بدنهٔ دستگاه را ببینید."],
    en: ["Device is hot and slowed down", ""],
  },
  "weak-supply": {
    fa: ["برق دستگاه ضعیف است", "منبع تغذیه و دوشاخه را ببینید؛ دستگاه هم‌زمان روی کارت می‌نویسد."],
    en: ["Device gets too little voltage", ""],
  },
  "certificate-ends": {
    fa: ["گواهی دستگاه رو به پایان است", "گواهی تازه بسازید و به دستگاه ببرید."],
    en: ["Device's certificate ends", ""],
  },
  "records-wait": {
    fa: ["سفرها بی‌رسید مانده‌اند", "مشکل دستگاه، نقش‌های کارگزار پیام و گزارش سرور را ببینید."],
    en: ["Records wait for a receipt", ""],
  },
  "card-full": {
    fa: ["کارت حافظه رو به پر شدن است", "بگذارید همگام شود، دفتر را ببرید، یا کارت را عوض کنید."],
    en: ["Card is nearly full", ""],
  },
  "no-clock": {
    fa: ["ساعت دستگاه بی‌اعتبار است", "سرویس زمان و باتری ساعت دستگاه را ببینید."],
    en: ["Nothing vouches for the clock", ""],
  },
  "doors-apart": {
    fa: ["دو درِ اتوبوس از هم بی‌خبرند", "کابل میان درها و دستگاه درِ دیگر را ببینید."],
    en: ["Doors do not hear each other", ""],
  },
  crashed: {
    fa: ["برنامهٔ دستگاه از کار افتاد و دوباره آغاز شد", "گزارش دستگاه را برای سازندگان بفرستید؛ سفرها محفوظ است."],
    en: ["Device's process died and began anew", ""],
  },
  "camera-gone": {
    fa: ["دوربین دستگاه تصویری نمی‌دهد", "دوربین و کابل آن را ببینید، و این‌که چند بار چنین شده."],
    en: ["Camera gives no picture", ""],
  },
  "board-gone": {
    fa: ["برد چراغ پاسخ نمی‌دهد؛ مسافر چراغی نمی‌بیند", "کابل و برق برد را ببینید، و نام درگاه آن را در تنظیمات."],
    en: ["Panel board is gone: riders see no lamp", ""],
  },
  "board-refused": {
    fa: ["برنامهٔ برد چراغ با نرم‌افزار دستگاه نمی‌خواند", "برنامهٔ همین نسخه را روی برد بریزید (docs/FIRMWARE.md)."],
    en: ["Panel board's firmware does not fit", ""],
  },
  "board-restarts": {
    fa: ["برنامهٔ برد چراغ گیر کرد و دوباره آغاز شد", "برق و اتصال بدنهٔ برد را ببینید؛ اگر تکرار شد، گزارش دستگاه را بفرستید."],
    en: ["Panel board's program hung and began anew", ""],
  },
  "supply-low": {
    fa: ["برق اتوبوس ضعیف است", "باتری و دینام را ببینید؛ اگر برق بیفتد، درها خاموش می‌شود."],
    en: ["Vehicle's supply is low", ""],
  },
  "parked-taps": {
    fa: ["کد در اتوبوسِ ایستاده پذیرفته شده", "از رانندهٔ شیفت بپرسید و سوارکردن‌های دستی او را ببینید."],
    en: ["Codes accepted while the bus was parked", ""],
  },
  "card-copy": {
    fa: ["کارت حافظهٔ دستگاه نسخهٔ کهنه یا مال دستگاه دیگری است", "دستگاه را از کار بردارید، کارت و دستگاه را نگه دارید و بپرسید کارت دست که بوده؛ شاید تراکنش‌هایی گم شده باشد."],
    en: ["Card is a copy from before, or another machine's", ""],
  },
  "counter-gone": {
    fa: ["شمارندهٔ امنیتی دستگاه کار نمی‌کند", "تراشهٔ TPM و تنظیم counter را در validator.toml ببینید؛ اگر درست بود، کارت حافظه را."],
    en: ["The machine's counter does not count", ""],
  },
  "said-before": {
    fa: ["از این دستگاه فقط پیام کهنه می‌رسد", "بروید و ببینید دستگاه روشن و سر جایش است یا نه؛ شاید کسی پیام‌های گذشته‌اش را دوباره می‌فرستد."],
    en: ["Only old words come from this device", ""],
  },
  tampered: {
    fa: ["بدنهٔ دستگاه باز شده", "پیش از شیفت بعد دستگاه را ببینید؛ شاید کلیدهایش باید باطل شود."],
    en: ["Housing was opened", ""],
  },
  "blind-camera": {
    fa: ["دوربین این در تقریباً چیزی نمی‌خواند", "لنز را پاک کنید و ببینید چیزی جلویش نباشد؛ بپرسید آیا مسافر از این در سوار می‌شود."],
    en: ["This door's camera reads next to nothing", ""],
  },
  silent: {
    fa: ["دستگاه خاموش یا بی‌خبر است", "شبکه و برق اتوبوس را ببینید؛ تراکنش‌ها روی دستگاه محفوظ است."],
    en: ["Device is silent", ""],
  },
  fork: {
    fa: ["دو دفتر با یک نام", "دستگاه را از سرویس خارج کنید و کارت حافظه را نگه دارید."],
    en: ["Two journals under one name", ""],
  },
  "new-journal": {
    fa: ["دفتر تازه آغاز شد", "اگر کارت حافظه را کسی عوض نکرده، کارت پیشین را نگه دارید و بازیابی کنید."],
    en: ["A new journal began", ""],
  },
  "annulment-refused": {
    fa: ["پس‌گرفتن سوارشدن پذیرفته نشد", "از راننده بپرسید چه شده؛ اگر مسافر طلبی دارد، دفتر آن را برمی‌گرداند."],
    en: ["Taking back refused", ""],
  },
  "other-vehicle": {
    fa: ["دستگاه روی اتوبوس دیگری است", "دستگاه را برای همان اتوبوس ثبت کنید، یا ببینید چه کسی جابه‌جایش کرده است."],
    en: ["Device is on another bus", ""],
  },
  poison: {
    fa: ["بسته‌ای ثبت نمی‌شود", "سفرها روی دستگاه و در قرنطینه محفوظ است؛ گزارش سرور را برای سازندگان بفرستید."],
    en: ["A batch cannot be stored", ""],
  },
  "stale-proof": {
    fa: ["زمان گوشی‌ها با زمان دستگاه نمی‌خواند", "ساعت دستگاه را ببینید؛ اگر درست است، شاید کلید دستگاه به دست دیگری افتاده باشد."],
    en: ["Proofs of another time", ""],
  },
  "unknown-tariff": {
    fa: ["تعرفهٔ ناشناس", "بستهٔ این تعرفه را به سرور بدهید؛ تا آن زمان همان مبلغ نشان‌داده‌شده ثبت می‌شود، تا گران‌ترین کرایهٔ شناخته‌شده."],
    en: ["Unknown tariff", ""],
  },
};
