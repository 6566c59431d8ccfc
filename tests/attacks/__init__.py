"""Attacks, each carried out against the product as it is and against one whose defence is switched off."""
