"""Fare rules, each in one place: tariff and price, and the verdict table."""
