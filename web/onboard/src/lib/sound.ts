// The driver's screen repeats a door's tune, softly: the door's own buzzer is far behind. Tunes come from protocol/.

import { NOTE_GAP_MS, TUNES } from "$generated/tables";

export type Tone = keyof typeof TUNES;
const LOUD = 0.15;
let context: AudioContext | undefined;

export function play(tone: Tone): void {
  context ??= new AudioContext();
  if (context.state === "suspended") void context.resume(); // a browser lets it sound after the first touch
  let at = context.currentTime;
  for (const [hertz, ms] of TUNES[tone]) {
    const note = context.createOscillator();
    const volume = context.createGain();
    note.frequency.value = hertz;
    volume.gain.setValueAtTime(LOUD, at);
    volume.gain.exponentialRampToValueAtTime(0.001, at + ms / 1000);
    note.connect(volume).connect(context.destination);
    note.start(at);
    note.stop(at + ms / 1000);
    at += (ms + NOTE_GAP_MS) / 1000;
  }
}
