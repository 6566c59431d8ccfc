"""Security headers on every answer."""

from transport import http_answers

# Pages here may be opened from elsewhere; who opened one gets no handle on it.
HEADERS = {**http_answers.HEADERS, "Cross-Origin-Opener-Policy": "same-origin"}

# The passenger's app reads a bus's code by WebAssembly where a browser has no reader of its own, and browsers call that
# evaluation. It lets nobody's text become a script: those are still this server's own files alone.
PASSENGER = {"Content-Security-Policy": HEADERS["Content-Security-Policy"] + "; script-src 'self' 'wasm-unsafe-eval'"}
