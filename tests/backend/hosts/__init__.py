"""Hosts: what another app in which riders have their pass may, and never may."""
