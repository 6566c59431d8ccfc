"""The riders of the drill: phones that start top-ups, browsers that pay them and come back, or not."""

import re
import threading
from dataclasses import dataclass
from html import unescape
from random import Random
from typing import Any

import httpx

from simulators.errors import SimulatorError
from simulators.payments.office import NAMES, Office
from simulators.phones import registration
from simulators.riders import Crowd as Keys

RETRY_S = 0.1
AGAIN = 0.15  # of the riders come back twice, as many press the button in the app
LEAST_RIALS, STEP_RIALS, STEPS = 50_000, 10_000, 45
_FIELD = re.compile(r'name="(\w+)" value="([^"]*)"')
_ACTION = re.compile(r'action="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Phone:
    """One registered rider."""

    credential_id: str
    token: str


class Crowd:
    """`register`, then `run` in several threads until so many top-ups have reached their provider's page."""

    def __init__(self, office: Office, riders: int, topups: int, seed: int) -> None:
        self._office, self._wanted, self._seed = office, topups, seed
        self._keys = Keys(seed, riders, (0,)).riders  # type: ignore[arg-type] # adults
        self.phones: list[Phone] = []
        self.started = 0
        self.lost_starts = 0  # whose answer never came: the rider begins anew
        self.lost_callbacks = 0  # browsers that found nobody
        self._lock = threading.Lock()

    def register(self) -> None:
        """While the backend is left alone."""
        with httpx.Client(base_url=self._office.url, trust_env=False, timeout=30) as client:
            for rider in self._keys:
                challenge = client.post("/v1/riders/challenges").json()["challenge"]
                answer = client.post("/v1/riders", json=registration(rider.key, challenge))
                if answer.status_code != httpx.codes.CREATED:
                    raise SimulatorError(f"a rider could not register: {answer.status_code}", fix="look at the log")
                made = answer.json()
                self.phones.append(Phone(made["credential_id"], made["token"]))

    def run(self, number: int) -> None:
        """One thread: a top-up after the other."""
        rng = Random(f"crowd {self._seed} {number}")  # noqa: S311 - a simulation replays from its seed
        with httpx.Client(trust_env=False, timeout=10) as client:
            while self.started < self._wanted:
                if self._office.up.wait(RETRY_S):
                    self._top_up(client, rng)

    def _top_up(self, client: httpx.Client, rng: Random) -> None:
        phone = rng.choice(self.phones)
        body = {
            "amount_rials": LEAST_RIALS + STEP_RIALS * rng.randrange(STEPS), "provider": rng.choice([*NAMES.values()]),
        }  # fmt: skip
        made = self._ask(client, f"/v1/riders/{phone.credential_id}/topups", phone, json=body)
        if made is None:
            with self._lock:
                self.lost_starts += 1
            return
        with self._lock:
            self.started += 1
        self._pay(client, made["pay_url"], again=rng.random() < AGAIN)
        if rng.random() < AGAIN:
            self._ask(client, f"/v1/topups/{made['id']}/settle", phone)

    def _ask(self, client: httpx.Client, path: str, phone: Phone, **more: Any) -> dict[str, Any] | None:
        """What the API answers; None if it does not, or refuses."""
        try:
            answer = client.post(
                f"{self._office.url}{path}", headers={"Authorization": f"Bearer {phone.token}"}, **more
            )  # fmt: skip
        except httpx.HTTPError:
            return None
        found: dict[str, Any] = answer.json() if answer.is_success else {}
        return found or None

    def _pay(self, client: httpx.Client, url: str, *, again: bool) -> None:
        """At the provider's page, and back by its link or its form."""
        page = client.get(url)
        for _ in range(1 + again):
            try:
                if page.is_redirect:
                    client.get(page.headers["location"])
                elif action := _ACTION.search(page.text):
                    fields = {name: unescape(value) for name, value in _FIELD.findall(page.text)}
                    client.post(unescape(action[1]), data=fields)
            except httpx.HTTPError:
                with self._lock:
                    self.lost_callbacks += 1
