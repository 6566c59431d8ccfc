"""The panel board without one: its own firmware under QEMU, and a line that spoils what it carries."""
