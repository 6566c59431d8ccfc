// What is asked of the phone itself. None of it is promised by a browser, and the code shows without it.

let lock: WakeLockSentinel | undefined;

/** Keep the screen on while it is seen. A low battery, or a browser without it, says no: then it goes dark as ever. */
export async function stayAwake(): Promise<void> {
  if (!("wakeLock" in navigator) || document.visibilityState !== "visible") return;
  if (lock !== undefined && !lock.released) return;
  try {
    lock = await navigator.wakeLock.request("screen");
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}

/** Ask the browser not to throw the key away when the phone is full. False: it may, but rarely does once installed. */
export async function keepStored(): Promise<boolean> {
  if (matchMedia("(display-mode: standalone)").matches) {
    await navigator.storage?.persist?.();
    return true; // installed: nothing more that its rider could do
  }
  return (await navigator.storage?.persist?.()) ?? false;
}
