"""`savar read`: a line per file, whatever the files are."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from cli.read import command
from edge.app.read_files import list_files
from tests.edge.pictures import pass_picture, pass_text, qr
from tests.edge.test_frames import write_video

EMPTY = np.full((120, 160), 220, np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "1-pass.png"), pass_picture())
    cv2.imwrite(str(tmp_path / "2-dark.png"), pass_picture(dark=True))
    cv2.imwrite(str(tmp_path / "3-foreign.jpg"), qr("https://example.org/"))
    cv2.imwrite(str(tmp_path / "4-empty.png"), EMPTY)
    blank = np.full(pass_picture().shape, 255, np.uint8)
    write_video(tmp_path / "5-video.avi", [blank, blank, pass_picture(b"in a video" * 5 + bytes(133))])
    (tmp_path / "6").mkdir()
    cv2.imwrite(str(tmp_path / "6" / "inner.png"), pass_picture())
    (tmp_path / "6" / "too-deep").mkdir()
    cv2.imwrite(str(tmp_path / "6" / "too-deep" / "unseen.png"), EMPTY)
    return tmp_path


def _run(*arguments: object) -> tuple[int, list[dict[str, object]]]:
    result = CliRunner().invoke(command, [*map(str, arguments), "--json"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]


def test_a_line_per_file_with_the_exact_bytes(folder: Path) -> None:
    status, lines = _run(folder)
    ours = pass_text().encode().hex()
    assert status == 0
    assert [(Path(str(line["file"])).name, line["payload"]) for line in lines] == [
        ("1-pass.png", ours),
        ("2-dark.png", ours),
        ("3-foreign.jpg", b"https://example.org/".hex()),
        ("4-empty.png", None),
        ("5-video.avi", pass_text(b"in a video" * 5 + bytes(133)).encode().hex()),
        ("inner.png", ours),
    ]
    assert all(set(line) == {"file", "payload", "ms"} and float(str(line["ms"])) >= 0 for line in lines)


def test_a_file_that_is_no_image_is_named_in_its_line_and_the_rest_still_run(folder: Path) -> None:
    (folder / "0-notes.txt").write_text("no image")
    (folder / "0-video.mp4").write_bytes(b"no video" * 99)
    status, lines = _run(folder, folder / "gone.png")
    assert status == 1
    bad = {Path(str(line["file"])).name: line for line in lines if "error" in line}
    assert {name: line["error"] for name, line in bad.items()} == {
        "0-notes.txt": "NotAnImage", "0-video.mp4": "NotAnImage", "gone.png": "CameraMissing",
    }  # fmt: skip
    assert all(line["payload"] is None and str(line["message"]) for line in bad.values())
    assert len(lines) == 9


def test_a_folder_of_nothing_says_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(tmp_path), "--json"])
    assert result.exit_code == 0
    assert "no files" in result.stderr
    assert result.stdout == ""


def test_the_table_for_people(folder: Path) -> None:
    result = CliRunner().invoke(command, [str(folder / "3-foreign.jpg"), str(folder / "4-empty.png")])
    assert result.exit_code == 0
    assert "https://example.org/" in result.stdout


def test_a_code_is_shown_as_it_is_and_not_as_markup(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), qr("[/red] [bold]x"))
    result = CliRunner().invoke(command, [str(tmp_path)])
    assert "[/red] [bold]x" in result.stdout


@pytest.mark.parametrize("name", ["\udcff.png", "\udcff.avi", "سوار.png"])
def test_a_file_name_of_any_bytes(tmp_path: Path, name: str) -> None:
    """cv2.imread ends the process on a name that is no UTF-8; nothing may."""
    (tmp_path / name).write_bytes(cv2.imencode(".png", pass_picture())[1].tobytes())
    status, lines = _run(tmp_path)
    assert lines[0]["file"] == str(tmp_path / name)
    assert status == 0 or lines[0]["error"] == "NotAnImage"


def test_files_keep_the_given_order(folder: Path) -> None:
    given = [folder / "4-empty.png", folder / "1-pass.png"]
    assert list_files(given) == given
