"""Agents who take cash from riders and credit their wallets: a kiosk, a shop."""
