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
  let [held, newer] = [navigator.serviceWorker.controller !== null, false];
  const registration = await navigator.serviceWorker.register("./sw.js");
  const unseen = (): boolean => document.visibilityState !== "visible";
  const turn = (): void => {
    if (!unseen()) return;
    if (newer) location.reload();
    else registration.waiting?.postMessage("take");
  };
  document.addEventListener("visibilitychange", turn);
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    newer = held; // the first worker brings no other files
    held = true;
    turn();
  });
}
if ("serviceWorker" in navigator) addEventListener("load", () => void keepFiles());
