"""Statements on paper: PDF by fpdf2, in the font that the pages have."""
