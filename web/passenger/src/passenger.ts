// The passenger's app. The code first; then the worker that keeps these files for when there is no network.
import "./passenger.css";
import { mount } from "svelte";
import Passenger from "./Passenger.svelte";

const target = document.getElementById("app");
if (target) mount(Passenger, { target });

/** A newer app is taken while nobody looks: never under a code that is held to a camera. */
async function keepFiles(): Promise<void> {
  const held = navigator.serviceWorker.controller !== null;
  const registration = await navigator.serviceWorker.register("./sw.js");
  const unseen = (): boolean => document.visibilityState !== "visible";
  document.addEventListener("visibilitychange", () => {
    if (unseen()) registration.waiting?.postMessage("take");
  });
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (held && unseen()) location.reload();
  });
}
if ("serviceWorker" in navigator) addEventListener("load", () => void keepFiles());
