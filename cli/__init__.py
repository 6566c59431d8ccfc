"""The command `savar`: one module per sub-command, imported when called, so no room pays for another's libraries."""
