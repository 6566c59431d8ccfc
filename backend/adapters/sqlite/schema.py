"""Tables of the ledger file.

`record` has no rider but inside its sealed bytes, `transfer` and `account` have no tap; `claim` ties the two for
a rider's own list of rides, `ticket_ride` the rides of a bearer ticket. Deleting from them and destroying day keys
leaves the money intact. What is not done yet: a transfer's key is a hash of its tap and can be found by trying, and it
names rider and vehicle side by side. Cutting that tie too needs a keyed hash and a clearing account between them
(docs/ARCHITECTURE.md).
"""

APPLICATION_ID = 0x53564C36  # "SVL6": so that no other SQLite file is taken for a ledger
SCHEMA = """
CREATE TABLE ledger (
  one INTEGER PRIMARY KEY CHECK (one = 1), city TEXT NOT NULL, incarnation INTEGER NOT NULL, head BLOB NOT NULL
) STRICT;
CREATE TABLE epoch (
  device TEXT NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, head BLOB NOT NULL,
  signature BLOB NOT NULL, began_ms INTEGER NOT NULL,
  time_ms INTEGER NOT NULL, mono_ms INTEGER NOT NULL, -- `backend.core.chaintime`
  PRIMARY KEY (device, epoch)
) STRICT, WITHOUT ROWID;
CREATE TABLE record (
  id INTEGER PRIMARY KEY,
  device TEXT NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, hash BLOB NOT NULL, bytes BLOB NOT NULL,
  kind INTEGER NOT NULL, wall_ms INTEGER NOT NULL, vehicle TEXT, door INTEGER, verdict INTEGER, reason INTEGER,
  fare_rials INTEGER, persons INTEGER, payer TEXT, shift TEXT, line TEXT,
  lat_e6 INTEGER, lon_e6 INTEGER, -- a place that is trusted
  UNIQUE (device, epoch, sequence)
) STRICT;
CREATE INDEX record_tap ON record (wall_ms) WHERE kind = 2;
CREATE INDEX record_driver ON record (wall_ms) WHERE kind > 2;
CREATE INDEX record_copied ON record (wall_ms) WHERE payer = 'copied';
CREATE TABLE day_key (
  device TEXT NOT NULL, epoch INTEGER NOT NULL, key_id BLOB NOT NULL, sequence INTEGER NOT NULL,
  PRIMARY KEY (device, epoch, key_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE claim (
  device TEXT NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,
  credential BLOB NOT NULL, time_s INTEGER NOT NULL, counter INTEGER NOT NULL,
  vehicle TEXT NOT NULL, wall_ms INTEGER NOT NULL, window_ms INTEGER NOT NULL, rider_class INTEGER NOT NULL,
  party INTEGER NOT NULL, adult_rials INTEGER NOT NULL, permille INTEGER NOT NULL, cap_permille INTEGER NOT NULL,
  beside_rials INTEGER NOT NULL, shown_rials INTEGER NOT NULL, whole_rials INTEGER NOT NULL,
  tariff_version INTEGER NOT NULL, extends INTEGER NOT NULL,
  annulled INTEGER NOT NULL, boarding BLOB NOT NULL, charged INTEGER NOT NULL, rials INTEGER NOT NULL,
  city_rials INTEGER NOT NULL, copied_rials INTEGER NOT NULL, revision INTEGER NOT NULL,
  metres INTEGER, closes_epoch INTEGER, closes_sequence INTEGER, steps TEXT NOT NULL,
  ridden_m INTEGER, ended_rials INTEGER,
  PRIMARY KEY (device, epoch, sequence)
) STRICT, WITHOUT ROWID;
CREATE TABLE shift (
  vehicle TEXT NOT NULL, name TEXT NOT NULL, driver TEXT NOT NULL, PRIMARY KEY (vehicle, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE proxy (
  device TEXT NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, vehicle TEXT NOT NULL, shift TEXT,
  rials INTEGER NOT NULL, driver TEXT, annulled INTEGER NOT NULL, revision INTEGER NOT NULL,
  PRIMARY KEY (device, epoch, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX proxy_shift ON proxy (vehicle, shift);
CREATE TABLE annulment (
  device TEXT NOT NULL, epoch INTEGER NOT NULL, tap_sequence INTEGER NOT NULL, sequence INTEGER NOT NULL,
  vehicle TEXT NOT NULL, shift TEXT NOT NULL, wall_ms INTEGER NOT NULL, driver TEXT, stands INTEGER NOT NULL,
  PRIMARY KEY (device, epoch, tap_sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX annulment_shift ON annulment (vehicle, shift);
CREATE INDEX annulment_stands ON annulment (driver, wall_ms) WHERE stands;
CREATE INDEX annulment_waits ON annulment (wall_ms) WHERE NOT stands;
CREATE TABLE ticket_ride (
  device TEXT NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, ticket BLOB NOT NULL, issue TEXT NOT NULL,
  rides_a_day INTEGER NOT NULL, vehicle TEXT NOT NULL, wall_ms INTEGER NOT NULL, rider_class INTEGER NOT NULL,
  rials INTEGER NOT NULL, city_rials INTEGER NOT NULL, annulled INTEGER NOT NULL, paid INTEGER NOT NULL,
  revision INTEGER NOT NULL, PRIMARY KEY (device, epoch, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX ticket_ride_time ON ticket_ride (ticket, wall_ms);
CREATE INDEX ticket_ride_paid ON ticket_ride (ticket, wall_ms) WHERE paid;
CREATE INDEX claim_shown ON claim (credential, time_s, counter);
CREATE INDEX claim_time ON claim (credential, wall_ms);
CREATE INDEX claim_ends ON claim (credential, closes_epoch, closes_sequence) WHERE closes_sequence IS NOT NULL;
CREATE INDEX claim_boarding ON claim (boarding);
CREATE UNIQUE INDEX claim_charged ON claim (boarding) WHERE charged AND NOT extends;
CREATE TABLE account (
  id TEXT PRIMARY KEY, debits INTEGER NOT NULL CHECK (debits >= 0), credits INTEGER NOT NULL CHECK (credits >= 0)
) STRICT, WITHOUT ROWID;
CREATE TABLE transfer (
  id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, kind TEXT NOT NULL, debit TEXT NOT NULL, credit TEXT NOT NULL,
  rials INTEGER NOT NULL CHECK (rials > 0), hash BLOB NOT NULL, at_ms INTEGER NOT NULL, CHECK (debit <> credit)
) STRICT;
CREATE TABLE tariff (version INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE tally (name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE let_through ( -- free rides and graces, `backend.core.let_through`
  policies INTEGER NOT NULL, name TEXT NOT NULL, reason INTEGER NOT NULL, day INTEGER NOT NULL,
  rides INTEGER NOT NULL, persons INTEGER NOT NULL, forgone_rials INTEGER NOT NULL, charged_rials INTEGER NOT NULL,
  PRIMARY KEY (policies, name, reason, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE rider (
  credential_id BLOB PRIMARY KEY, credential BLOB NOT NULL, public_key BLOB NOT NULL UNIQUE,
  rider_class INTEGER NOT NULL, token_hash BLOB NOT NULL, created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE topup (
  id TEXT PRIMARY KEY, credential BLOB NOT NULL, rials INTEGER NOT NULL, status TEXT NOT NULL,
  authority TEXT NOT NULL, created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX topup_authority ON topup (authority);
CREATE INDEX topup_created ON topup (created_ms);
CREATE TABLE device (
  name TEXT PRIMARY KEY, seen_ms INTEGER, online INTEGER NOT NULL, health TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE camera_hour ( -- `hour`: local, since 1970; of so many words so many told that no camera worked
  device TEXT NOT NULL, hour INTEGER NOT NULL, words INTEGER NOT NULL, dark INTEGER NOT NULL, PRIMARY KEY (hour, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE alarm (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, device TEXT NOT NULL, since_ms INTEGER NOT NULL, ended_ms INTEGER,
  detail TEXT NOT NULL, fix TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX alarm_open ON alarm (kind, device) WHERE ended_ms IS NULL;
CREATE TABLE conduct ( -- cases, `backend.core.conduct`; `looked`: how far records were looked at for them
  kind TEXT NOT NULL, subject TEXT NOT NULL, day INTEGER NOT NULL, detail TEXT NOT NULL, figures TEXT NOT NULL,
  records TEXT NOT NULL, opened_ms INTEGER NOT NULL, ended_ms INTEGER, PRIMARY KEY (kind, subject, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX conduct_day ON conduct (day);
CREATE TABLE looked (one INTEGER PRIMARY KEY CHECK (one = 1), record INTEGER NOT NULL) STRICT;
CREATE TABLE looked_day ( -- `backend.core.due_days`; `due` is null where it is counted; `copied`: taps, when it was
  day INTEGER PRIMARY KEY, due INTEGER, newest INTEGER NOT NULL, copied INTEGER NOT NULL
) STRICT;
CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY, digest BLOB NOT NULL, reason TEXT NOT NULL, device TEXT NOT NULL, channel TEXT NOT NULL,
  detail TEXT NOT NULL, payload BLOB NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
  times INTEGER NOT NULL, UNIQUE (device, digest, reason)
) STRICT;
"""
# Made in older ledgers too: the newest manifest that was ever announced, as it was signed.
SINCE = """
CREATE TABLE IF NOT EXISTS announced (one INTEGER PRIMARY KEY CHECK (one = 1), manifest BLOB NOT NULL) STRICT
"""
