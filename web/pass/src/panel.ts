// What stands in the host's element: the code, how long it is fresh, and one thing to know. Styles are set on the
// elements, one by one, which a Content-Security-Policy without `unsafe-inline` allows; no style sheet comes along.

import { LIMITS } from "$generated/tables";
import { draw } from "./drawing";
import type { Language, Notice } from "./face";
import type { Seen } from "./showing";
import { CODE_WORDS } from "./words";

/** What is there to show. `told`: why there is no code, or the worst warning beside it; `empty`: where nothing is. */
export type Told = {
  readonly seen: Seen | undefined;
  readonly told: Notice | undefined;
  readonly empty: string;
  readonly lang: Language;
};

function made<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className: string,
  style: Partial<CSSStyleDeclaration> = {},
): HTMLElementTagNameMap[Name] {
  const it = document.createElement(name);
  it.className = className;
  Object.assign(it.style, style);
  return it;
}

export class Panel {
  private readonly root = made("div", "savar-pass");
  private readonly card = made("div", "savar-code", {
    display: "grid",
    placeItems: "center",
    aspectRatio: "1",
    background: "#ffffff",
    color: "#000000",
  });
  private readonly canvas = made("canvas", "savar-symbol");
  private readonly empty = made("p", "savar-empty", { margin: "1em", textAlign: "center", whiteSpace: "pre-line" });
  private readonly left = made("div", "savar-left", { blockSize: "6px", background: "currentcolor" });
  private readonly note = made("p", "savar-note", { margin: "0.5em 0", whiteSpace: "pre-line" });
  private readonly sized = new ResizeObserver(() => this.draw());
  private now: Told | undefined;

  constructor(readonly on: HTMLElement) {
    for (const hidden of [this.canvas, this.left]) hidden.setAttribute("aria-hidden", "true");
    this.note.setAttribute("role", "status");
    this.card.append(this.canvas, this.empty);
    this.root.append(this.card, this.left, this.note);
    on.append(this.root);
    this.sized.observe(this.card);
  }

  show(now: Told): void {
    const { seen, told, empty, lang } = (this.now = now);
    [this.root.lang, this.root.dir] = [lang, lang === "fa" ? "rtl" : "ltr"];
    this.canvas.hidden = seen === undefined;
    this.empty.hidden = seen !== undefined;
    this.left.style.inlineSize = `${((seen?.leftS ?? 0) / LIMITS.RENDER_PERIOD_S) * 100}%`;
    const line = told && [told.what, told.next].filter((it) => it !== "").join("\n");
    this.write(this.empty, seen ? "" : (line ?? empty));
    this.write(this.note, seen ? (line ?? "") : "");
    if (seen === undefined) {
      for (const name of ["role", "aria-label", "data-form", "data-presentation"]) this.card.removeAttribute(name);
      this.canvas.width = this.canvas.height = 0; // no old code stays in what is hidden
      return;
    }
    this.card.setAttribute("role", "img");
    this.card.setAttribute("aria-label", CODE_WORDS[lang].code);
    this.card.dataset["form"] = seen.form;
    this.card.dataset["presentation"] = `${seen.render.timeS}/${seen.render.counter}`;
    this.draw();
  }

  private draw(): void {
    const seen = this.now?.seen;
    if (seen) draw(this.canvas, seen.render.forms[seen.form], seen.form, this.card.clientWidth, devicePixelRatio);
  }

  /** A screen reader hears what changes, so nothing is written that stands there already. */
  private write(where: HTMLElement, text: string): void {
    if (where.textContent !== text) where.textContent = text;
  }

  remove(): void {
    this.sized.disconnect();
    this.root.remove();
  }
}
