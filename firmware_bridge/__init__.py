"""The bridge to the panel board: frames, link and commands between a door's computer and its microcontroller."""
