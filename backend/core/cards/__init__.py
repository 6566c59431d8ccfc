"""Printed and plastic cards: their kinds, who issues them, what ends and replaces one. docs/CARDS.md has their life."""
