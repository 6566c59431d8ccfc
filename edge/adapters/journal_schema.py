"""The journal's tables. `record` is the append-only truth and never needs a migration; the rest is index and cache."""

APPLICATION_ID = 0x53564A31  # "SVJ1": so that no other SQLite file is taken for a journal
SCHEMA = """
CREATE TABLE record (sequence INTEGER PRIMARY KEY, bytes BLOB NOT NULL, signature BLOB NOT NULL) STRICT;
CREATE TABLE identity (one INTEGER PRIMARY KEY CHECK (one = 1), device TEXT NOT NULL, epoch INTEGER NOT NULL) STRICT;
CREATE TABLE recent (
  credential BLOB NOT NULL, time_s INTEGER NOT NULL, counter INTEGER NOT NULL,
  wall_ms INTEGER NOT NULL, party INTEGER NOT NULL, door INTEGER NOT NULL,
  PRIMARY KEY (wall_ms, credential)
) STRICT, WITHOUT ROWID;
CREATE TABLE receipt (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
"""
