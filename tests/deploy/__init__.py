"""What lies in deploy/: units, rules, scripts."""
