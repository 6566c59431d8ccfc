"""The validator on the bus: sees codes, decides, records, shows, and ships. Floors: app ▶ adapters ▶ core."""
