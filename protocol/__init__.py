"""The contract that phone, validator and backend share. Pure: time, randomness and bytes are arguments.

`wire/` holds the only encoder and the only decoder of each format, `fares/` the only home of each fare rule,
`limits.py` every bound with its unit and reason, `errors.py` the error families.
"""
