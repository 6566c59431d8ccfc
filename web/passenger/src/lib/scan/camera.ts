// The phone's rear camera, looked through while somebody scans. No frame is kept or sent: of each there is a text, or
// nothing (P18).

import { FRAME_MAX_PX, LOOK_EVERY_MS } from "./limits";
import type { Failure } from "./words";

/** The texts of the QR codes in a frame. */
export type Reader = (frame: HTMLCanvasElement) => Promise<string[]>;

/** The camera does not open. */
export class CameraShut extends Error {
  constructor(readonly why: Extract<Failure, "denied" | "none" | "busy">) {
    super(why);
  }
}

const WHY: Record<string, CameraShut["why"]> = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "none",
  OverconstrainedError: "none",
};

/** Open it. Throws CameraShut. */
export async function openCamera(): Promise<MediaStream> {
  if (navigator.mediaDevices === undefined) throw new CameraShut("none"); // a page without TLS has none
  const video = { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 720 } };
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio: false });
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    throw new CameraShut(WHY[error.name] ?? "busy");
  }
}

export const shut = (stream: MediaStream | undefined): void => stream?.getTracks().forEach((it) => it.stop());

/** Tell `found` what the camera reads until it says that this is enough; → what stops it before. `failed`: by what. */
export function watch(
  video: HTMLVideoElement,
  read: Reader,
  found: (text: string) => boolean,
  failed: (error: unknown) => void,
): () => void {
  const frame = document.createElement("canvas");
  const pen = frame.getContext("2d", { willReadFrequently: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let over = false;
  const look = async (): Promise<void> => {
    const { videoWidth: width, videoHeight: height } = video;
    if (pen && width > 0) {
      const scale = Math.min(1, FRAME_MAX_PX / Math.max(width, height));
      const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
      if (frame.width !== wide || frame.height !== high) [frame.width, frame.height] = [wide, high];
      pen.drawImage(video, 0, 0, wide, high);
      for (const text of await read(frame)) over ||= found(text);
    }
    if (!over) again();
  };
  const again = (): void => {
    timer = setTimeout(() => void look().catch((error: unknown) => (over ? undefined : failed(error))), LOOK_EVERY_MS);
  };
  again();
  return () => {
    over = true;
    clearTimeout(timer);
  };
}
