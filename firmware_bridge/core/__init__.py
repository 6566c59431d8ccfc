"""Pure: frames, the link's states, the declaration of what the board understands. Time and bytes are arguments."""
