// zxing-cpp as WebAssembly: for browsers without a detector of their own, as Safari, Firefox and Chromium on a desk.
// Its megabyte comes from our own pages, after the screen has opened; the package's own address is cut out of the build
// (vite.passenger.config.ts).

import { prepareZXingModule, readBarcodes, type ReaderOptions } from "zxing-wasm/reader";
import wasm from "zxing-wasm/reader/zxing_reader.wasm?url";
import { Unreached } from "../api";
import type { Reader } from "./camera";

const OPTIONS: ReaderOptions = { formats: ["QRCode"], maxNumberOfSymbols: 2, tryInvert: false };

let made: Promise<Reader> | undefined; // one for all scans of a page

/** Throws Unreached, and TypeError where there is no network. */
export function makeZxing(): Promise<Reader> {
  made ??= make().catch((error: unknown) => {
    made = undefined; // a later scan asks again
    throw error;
  });
  return made;
}

async function make(): Promise<Reader> {
  const answer = await fetch(wasm);
  if (!answer.ok) throw new Unreached(wasm);
  await prepareZXingModule({ overrides: { wasmBinary: await answer.arrayBuffer() }, fireImmediately: true });
  return async (frame) => {
    const pixels = frame.getContext("2d")?.getImageData(0, 0, frame.width, frame.height);
    return pixels === undefined ? [] : (await readBarcodes(pixels, OPTIONS)).map((it) => it.text);
  };
}
