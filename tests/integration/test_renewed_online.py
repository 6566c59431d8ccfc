"""A running validator renews over a real Mosquitto by itself: the office looks, and the bus is let in by what it got."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.provision import command as provision
from edge.app import renewing_online
from edge.app.config import load_config
from edge.app.enrolling import finish
from edge.app.validator import Validator
from protocol.wire.certificates import from_pem
from provisioning.app.waiting_renewals import Answered, answer_waiting
from provisioning.core import renewals
from simulators.mosquitto import Mosquitto
from tests.edge.door import RememberingPanel
from tests.integration.two_doors import EmptyDoorway, until
from tests.provisioning.enrolments import ONE, approved, box, claim, plain_city
from transport.errors import BrokerSilent
from transport.kept_words import KeptWords

pytestmark = pytest.mark.integration
NOW = datetime.now(UTC)


def test_a_validator_renews_over_its_own_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (renewals, renewing_online):
        monkeypatch.setattr(module, "_WINDOW_MS", 1 << 50)  # the broker goes by the real clock
    root = plain_city(tmp_path / "city", at=NOW)
    with pytest.raises(BrokerSilent):
        answer_waiting(root, KeptWords, now=NOW, randomness=os.urandom)
    own, request = box(tmp_path / "door", claim(root, at=NOW))
    settings = finish(own, approved(root, request.raw, tmp_path / "answer", at=NOW)).settings
    certificate, before = own.keys / "tls.crt.pem", own.keys / "before.tls.crt.pem"
    first = from_pem(certificate.read_bytes())[0]
    with Mosquitto(root) as broker:  # it knows who was enrolled when it began
        settings.write_text(settings.read_text().replace("port = 8883", f"port = {broker.port}"))
        config = load_config(settings)
        doorways = {it.name: EmptyDoorway() for it in config.camera}
        validator = Validator(config, panel=RememberingPanel(), sources=doorways)
        validator.start()
        try:
            told: list[Answered] = []

            def answered() -> bool:
                told[:] = answer_waiting(root, KeptWords, now=NOW + timedelta(seconds=1), randomness=os.urandom)
                return bool(told)

            until(answered)
            assert told == [Answered(ONE)]
            until(lambda: from_pem(certificate.read_bytes())[0] != first and not before.exists())
            until(lambda: validator.online)
            until(lambda: CliRunner().invoke(provision, ["renewals", str(root)]).output == "nobody asks\n")
        finally:
            validator.stop()
