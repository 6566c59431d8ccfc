"""Where `--json OUT` goes: a file, or standard output for -."""

import json
import sys
from pathlib import Path


def write_json(out: str, value: object) -> None:
    """One JSON document, to a file or to standard output."""
    text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    if out == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        Path(out).write_text(text, encoding="utf-8")
