// Every limit of the scanner, with its unit and reason.

export const LOOK_EVERY_MS = 120; // between two looks at the camera: a cheap phone's processor has time for its screen
export const FRAME_MAX_PX = 1280; // longer side of a frame that is looked at: more costs time and reads no more
export const LAPSE_EVERY_MS = 5_000; // between two looks at whether a grant is over: it lasts for ten minutes
