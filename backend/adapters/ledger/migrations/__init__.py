"""How older ledgers become newer ones, one step after the other; Alembic runs them."""
