// What a driver sets on this screen: language, light, sound. Kept on the screen, nowhere else.

import { WORDS, type Language, type WordTable } from "./words";

export type Light = "auto" | "day" | "night";
const NEXT: Record<Light, Light> = { auto: "day", day: "night", night: "auto" };

class Settings {
  language = $state<Language>(localStorage.getItem("language") === "en" ? "en" : "fa");
  light = $state<Light>((localStorage.getItem("light") as Light | null) ?? "auto");
  sound = $state(localStorage.getItem("sound") !== "off");

  get words(): WordTable {
    return WORDS[this.language];
  }

  switchLanguage(): void {
    this.language = this.language === "fa" ? "en" : "fa";
    localStorage.setItem("language", this.language);
  }

  switchLight(): void {
    this.light = NEXT[this.light] ?? "auto";
    localStorage.setItem("light", this.light);
  }

  switchSound(): void {
    this.sound = !this.sound;
    localStorage.setItem("sound", this.sound ? "on" : "off");
  }
}

export const settings = new Settings();
