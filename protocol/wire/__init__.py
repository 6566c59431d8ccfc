"""Formats that cross a boundary: one encoder and one decoder each, strict, verify before parse."""
