// The passenger's app. The code first; then the worker that keeps these files for when there is no network.
import "./passenger.css";
import { mount } from "svelte";
import Passenger from "./Passenger.svelte";
import { Store } from "./lib/store";

const target = document.getElementById("app");
// What is kept is opened while the screen is made: both take a while on a slow phone.
if (target) mount(Passenger, { target, props: { store: Store.open() } });

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
