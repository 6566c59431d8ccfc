"""Authority, enrolment, keys, bundles and broker configuration. Floors: app ▶ adapters ▶ core."""
