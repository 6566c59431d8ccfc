"""Security headers on every answer."""

from transport import http_answers

# Pages here may be opened from elsewhere; who opened one gets no handle on it.
HEADERS = {**http_answers.HEADERS, "Cross-Origin-Opener-Policy": "same-origin"}
