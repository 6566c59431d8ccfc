"""Partners' apps as hosts: a sandbox for them, a reference app, and the suite that any host can be held against."""
