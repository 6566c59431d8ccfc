// What reads a QR out of a frame: the browser's own detector, which phones with Android have, or zxing-cpp as
// WebAssembly, fetched from our own pages when a scan first wants it.

import { Unreached } from "../api";
import type { Reader } from "./camera";

type Detector = { detect(frame: CanvasImageSource): Promise<{ rawValue: string }[]> };
type Detectors = {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats(): Promise<string[]>;
};

const FORMAT = "qr_code";

async function ofTheBrowser(): Promise<Reader | undefined> {
  const detectors = (globalThis as { BarcodeDetector?: Detectors }).BarcodeDetector;
  if (detectors === undefined || !(await detectors.getSupportedFormats()).includes(FORMAT)) return undefined;
  const detector = new detectors({ formats: [FORMAT] });
  return async (frame) => (await detector.detect(frame)).map((it) => it.rawValue);
}

async function ours(): Promise<Reader> {
  try {
    return await (await import("./zxing")).makeZxing();
  } catch (error) {
    if (error instanceof TypeError) throw new Unreached("the reader"); // what a fetch without a network throws
    throw error;
  }
}

/** A reader for this browser. Throws Unreached, then or at a frame, where it has none and nobody sends ours. */
export async function makeReader(instead: () => Promise<Reader> = ours): Promise<Reader> {
  const own = await ofTheBrowser();
  if (own === undefined) return instead();
  let other: Reader | undefined;
  return async (frame) => {
    if (other !== undefined) return other(frame);
    try {
      return await own(frame);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      other = await instead(); // a detector whose service the phone lacks says so only now
      return other(frame);
    }
  };
}
