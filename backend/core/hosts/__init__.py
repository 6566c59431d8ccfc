"""Another app in which riders have their pass: what it may, and never may."""
