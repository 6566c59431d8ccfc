"""Speed as ratios to a baseline and to a physical limit measured in the same run; `savar bench` calls them."""
