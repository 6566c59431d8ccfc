"""`savar bench decode` on a few frames: it counts what is true of them, and its page says the same."""

import json
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import photos
from benchmarks.decode import play, texts
from benchmarks.readers import CONTENDERS, LOOP, ZXING_GREY, Contender
from cli.bench import command
from simulators.camera import STILL, stream
from tests.edge.pictures import pass_picture, pass_text, qr

FRAMES = 60


def _shown() -> object:
    return islice(stream("clean", 3, texts(3, 81), pace=STILL), FRAMES)


def test_reads_are_counted_by_truth_and_wrong_ones_by_name() -> None:
    """A reader that tells the label's text, one that tells another of ours, one that tells nothing."""
    labels = list(_shown())  # type: ignore[call-overload]
    at = {"frame": -1}

    def told(text: bytes | None) -> Contender:
        return Contender(str(text), lambda: lambda _: [] if text is None else [text])

    right = next(label.payload for label in labels if label.payload is not None)
    contenders = [told(right.encode()), told(pass_text().encode()), told(None), told(b"https://example.org/")]
    scores, whole, presentations = play(iter(labels), contenders, lambda number: at.update(frame=number))
    with_code = sum(1 for label in labels if label.payload == right)
    assert at["frame"] == len(labels) - 1
    assert 0 < whole <= with_code
    assert presentations == 1
    assert [score.reads for score in scores.values()] == [with_code, 0, 0, 0]
    assert [score.wrong for score in scores.values()] == [len(labels) - with_code, len(labels), 0, 0]
    for score in scores.values():
        assert (len(score.empty_ns), len(score.code_ns)) == (len(labels) - with_code, with_code)
    assert scores[right.encode().__repr__()].first == {0: next(n for n, label in enumerate(labels) if label.payload)}


def test_the_command_writes_figures_a_page_and_a_plot(tmp_path: Path) -> None:
    corpus = tmp_path / "photos"
    (corpus / "some").mkdir(parents=True)
    cv2.imwrite(str(corpus / "some" / "a.png"), pass_picture(scale=3))
    cv2.imwrite(str(corpus / "some" / "b.png"), qr("https://example.org/"))
    cv2.imwrite(str(corpus / "some" / "c.png"), np.full((90, 90), 200, np.uint8))
    entries = [
        {"file": "some/a.png", "expected_hex": pass_text().encode().hex()},
        {"file": "some/b.png", "expected_hex": b"something else".hex()},
        {"file": "some/c.png", "expected_hex": None},
    ]
    (corpus / "manifest.json").write_text(json.dumps(entries))
    out, page = tmp_path / "decode.json", tmp_path / "decode.md"
    arguments = ["decode", "--frames", "50", "--readers", ZXING_GREY, "--corpus", str(corpus), "--page", str(page)]
    ended = CliRunner().invoke(command, [*arguments, "--json", str(out)])
    assert ended.exit_code == 0, ended.output
    figures = json.loads(out.read_text())
    assert {"zxing-cpp BGR", ZXING_GREY, LOOP} == set(figures["phones, still"]["readers"])
    for name, score in figures["photographs"]["some"]["readers"].items():
        assert (score["reads"], score["wrong"]) == (1, 1), name
    assert "## Photographs" in page.read_text()
    assert cv2.imread(str(page.with_suffix(".png"))).std() > 0


def test_an_unknown_reader_is_named_with_those_there_are() -> None:
    ended = CliRunner().invoke(command, ["decode", "--readers", "quirc"])
    assert ended.exit_code == 2
    assert "quirc" in ended.output
    assert "WeChat" in ended.output


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"same", b"same"),
        ("Ä".encode("iso8859-1"), "Ä".encode()),
        ("駅".encode("shift_jis"), "駅".encode()),
        (b"a\r\nb", b"a\nb\n"),
    ],
)
def test_one_text_in_two_encodings_is_one_text(text: bytes, expected: bytes) -> None:
    assert photos._says(text, expected)
    assert not photos._says(text + b"x", expected)


def test_every_reader_reads_a_plain_code_or_nothing_and_never_fails() -> None:
    picture = np.full((720, 1280, 3), 255, np.uint8)
    code = pass_picture(scale=6)
    picture[100 : 100 + code.shape[0], 300 : 300 + code.shape[1]] = code[:, :, None]
    for contender in CONTENDERS:
        assert contender.make()(picture) in ([pass_text().encode()], []), contender.name
