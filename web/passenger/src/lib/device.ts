// What is asked of the phone for this app alone; what is asked for its code is in @savar/pass.

/** What `use` makes of the browser's small store; undefined where its rider, or the browser, allows none. */
export function small<Made>(use: (kept: Storage) => Made): Made | undefined {
  try {
    return use(localStorage);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return undefined;
  }
}
