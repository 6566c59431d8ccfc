"""Every bound of this room, with its unit and its reason."""

URI_MAX_CHARS = 1_024  # the longest that was written by hand had 160
PIN_MAX_BYTES = 255  # more than any token takes: its own longest is asked of it
PIN_LOCKED_REST_S = 60.0  # a TPM set as docs/DEPLOY.md says forgives a try a minute; a locked one counts none
TPM_TOOL_MAX_S = 20.0  # a chip on SPI that another program holds is waited for; an emulated one takes 0.04 s
