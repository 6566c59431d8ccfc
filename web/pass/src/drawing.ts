// A symbol onto a canvas: every module the same whole number of the screen's own pixels, with its quiet zone.

import { writeCode } from "./protocol/codes";
import type { Form } from "./protocol/passes";
import { modules, QUIET_MODULES } from "./protocol/qr";

/** Both forms come again and again in a render's 15 s. */
const drawn = /* @__PURE__ */ new WeakMap<Uint8Array, boolean[][]>();

function symbol(payload: Uint8Array, form: Form): boolean[][] {
  const rows = drawn.get(payload) ?? modules(writeCode(payload), form);
  drawn.set(payload, rows);
  return rows;
}

/** Draw as large as a box of `side` CSS pixels allows. `density`: the screen's pixels in a CSS pixel. */
export function draw(on: HTMLCanvasElement, payload: Uint8Array, form: Form, side: number, density: number): void {
  drawModules(on, symbol(payload, form), side, density);
}

/** As `draw`, of a symbol's modules. */
export function drawModules(
  on: HTMLCanvasElement,
  rows: readonly (readonly boolean[])[],
  side: number,
  density: number,
): void {
  const size = rows.length + 2 * QUIET_MODULES;
  const scale = Math.max(1, Math.floor((side * density) / size));
  on.width = on.height = size * scale;
  on.style.inlineSize = on.style.blockSize = `${(size * scale) / density}px`;
  const pen = on.getContext("2d", { alpha: false });
  if (!pen) return;
  pen.fillStyle = "#ffffff";
  pen.fillRect(0, 0, on.width, on.height);
  pen.fillStyle = "#000000";
  for (const [y, row] of rows.entries())
    for (const [x, dark] of row.entries())
      if (dark) pen.fillRect((x + QUIET_MODULES) * scale, (y + QUIET_MODULES) * scale, scale, scale);
}
