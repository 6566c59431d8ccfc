// A page of a city's app, as its web view would have it: everything of its own but the pass. No bundler: the package's
// files lie beside it. Who is signed in, its server knows by the session.
import { createPass, hostServer, PassError } from "./savar-pass/savar-pass.js";

const WORDS = {
  fa: {
    dir: "rtl",
    app: "شهر همراه",
    title: "کرایهٔ اتوبوس",
    other: "English",
    begin: "کارت اتوبوس می‌خواهم",
    more: "یک نفر بیشتر",
    fewer: "یک نفر کمتر",
    who: (n) => (n === 0 ? "فقط خودم" : `من و ${n.toLocaleString("fa")} نفر`),
    wallet: (rials) => `موجودی: ${Math.trunc(rials / 10).toLocaleString("fa")} تومان`,
  },
  en: {
    dir: "ltr",
    app: "City at hand",
    title: "Bus fares",
    other: "فارسی",
    begin: "I want a bus pass",
    more: "One person more",
    fewer: "One person fewer",
    who: (n) => (n === 0 ? "Only me" : `Me and ${n} more`),
    wallet: (rials) => `Balance: ${Math.trunc(rials / 10).toLocaleString("en")} tomans`,
  },
};
const parts = Object.fromEntries([...document.querySelectorAll("[id]")].map((it) => [it.id, it]));
const at = (id) => parts[id];

/** Let a part stand under the pass, or not at all. */
function stand(id, is) {
  if (is && !at(id).isConnected) at("pass").after(at(id));
  if (!is) at(id).remove();
}
let lang = "fa";
let pass;

/** What this page says beside the pass. */
function tell(state) {
  const words = WORDS[lang];
  [document.documentElement.lang, document.documentElement.dir, document.title] = [lang, words.dir, words.app];
  document.querySelector("h1").textContent = words.app;
  at("title").textContent = words.title;
  at("language").textContent = words.other;
  at("language").lang = lang === "fa" ? "en" : "fa";
  at("begin").textContent = words.begin;
  at("more").setAttribute("aria-label", words.more);
  at("fewer").setAttribute("aria-label", words.fewer);
  stand("wallet", state?.phase === "ready" && state.balanceRials !== undefined);
  stand("party", state?.phase === "ready");
  stand("begin", state?.phase === "none");
  if (state?.phase === "away" && at("desk").textContent === "") void desk();
  stand("desk", state?.phase === "away");
  if (state === undefined) return;
  at("fewer").disabled = state.party === 0;
  at("more").disabled = state.party === 15;
  at("who").textContent = words.who(state.party);
  at("wallet").textContent = words.wallet(state.balanceRials ?? 0);
}

/** The number that a service desk asks for; where the phone keeps none just now, it is asked for at the next change. */
async function desk() {
  try {
    at("desk").textContent = await pass.deskKey();
  } catch (error) {
    if (!(error instanceof PassError)) throw error;
  }
}

/** What the pass says of itself stands in its element already; a defect of this page is no answer of the city's. */
async function begin() {
  at("begin").disabled = true;
  try {
    await pass.register();
  } catch (error) {
    if (!(error instanceof PassError)) throw error;
  } finally {
    at("begin").disabled = false;
  }
}

at("begin").addEventListener("click", begin);
at("more").addEventListener("click", () => pass.bring(pass.state.party + 1));
at("fewer").addEventListener("click", () => pass.bring(pass.state.party - 1));
at("language").addEventListener("click", () => {
  lang = lang === "fa" ? "en" : "fa";
  pass?.speak(lang);
  tell(pass?.state);
});
tell(undefined);
try {
  pass = await createPass({ host: hostServer("/savar/"), lang, changed: tell });
  pass.show(at("pass"));
} catch (error) {
  if (!(error instanceof PassError)) throw error;
  at("pass").textContent = [error.words[lang].what, error.words[lang].next].join(" · ");
}
