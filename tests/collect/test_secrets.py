"""The client secret and the token turn up nowhere."""

from __future__ import annotations

import gzip
import json
import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from uploadtrends import demo
from uploadtrends.collect.crawl import collect
from uploadtrends.collect.credentials import Secret, credentials
from uploadtrends.collect.replay import ArchivedCrawl
from uploadtrends.collect.sampling import sample
from uploadtrends.collect.session import Session
from uploadtrends.errors import ConfigurationError
from uploadtrends.privacy import load_key, pseudonymised
from uploadtrends.store import open_store

NAMES = ("client_id", "client_secret")


def leaks(folder: Path, secrets: list[str]) -> list[str]:
    """Return where any of the secrets stands in any file, compressed ones unpacked."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".gz":
                content += gzip.decompress(content)
            found += [f"{path}: {one}" for one in secrets if one.encode() in content]
    return found


def test_database_archive_logs_and_exports_hold_no_secret(
    server: demo.DemoServer,
    quick: Callable[..., Session],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    server.set_faults(demo.Faults(rate=0.2, slow_seconds=0.01))
    server.deviantart.calls_per_token = 15

    def talkative(question: object, times: int) -> demo.Reply | None:
        # A server that repeats what it was sent, as debug pages do.
        if times % 7:
            return None
        sent = question.headers.get("authorization", "")  # type: ignore[attr-defined]
        return demo.Reply(500, body=json.dumps({"error": "x", "error_description": sent}).encode())

    server.answer_with("gallery/all", talkative)
    names = [one.handle for one in list(server.worlds["deviantart"].people.values())[:10]]
    session = quick(server)
    sample("deviantart", session=session, followers=1, n=3, raw=tmp_path / "raw")
    report = collect("deviantart", session=session, artists=names, raw=tmp_path / "raw")
    with open_store(tmp_path / "store.duckdb", read_only=False) as store:
        store.load(ArchivedCrawl(report.folder), max_rejects=1.0)
        frame = store.sql("SELECT * FROM artist").pl()
        key = load_key(session.key_file)
        pseudonymised(frame, key).write_csv(tmp_path / "export.csv")
        pseudonymised(frame, key).write_parquet(tmp_path / "export.parquet")
    (tmp_path / "log.txt").write_text(caplog.text + "".join(capfd.readouterr()) + repr(session))
    secrets = [demo.CLIENT_SECRET, *server.deviantart.tokens]
    assert len(secrets) > 5
    assert leaks(tmp_path, secrets) == []
    everything = b"".join(
        gzip.decompress(path.read_bytes()) for path in tmp_path.rglob("*.jsonl.gz")
    )
    assert b"[removed]" in everything  # the search would find it
    assert b"access_token" not in everything  # answers of the token route are not kept
    handles = [row for row in frame["handle"].to_list() if row]
    assert not any(name in (tmp_path / "export.csv").read_text() for name in handles)


FAILING = """
import sys
from uploadtrends.collect.crawl import collect
from uploadtrends.collect.session import Session
session = Session(contact="a@b.org", demo=sys.argv[1], state=sys.argv[2], seconds_between=0.001)
if sys.argv[4] == "rich":
    from rich.traceback import install
    install(show_locals=True)
collect("deviantart", session=session, artists=["x"], raw=sys.argv[3])
"""


@pytest.mark.parametrize("html", [False, True], ids=["json", "redirect"])
@pytest.mark.parametrize("traceback", ["plain", "rich"])
def test_a_wrong_client_is_explained_without_its_secret(
    server: demo.DemoServer, tmp_path: Path, html: bool, traceback: str
) -> None:
    secret = "wrong-secret-0123456789"
    server.deviantart.html_for_bad_client = html
    environment = os.environ | {"UPLOADTRENDS_DEVIANTART_CLIENT_SECRET": secret}
    done = subprocess.run(
        [sys.executable, "-c", FAILING, server.address, tmp_path / "l", tmp_path / "r", traceback],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "ConfigurationError" in done.stderr
    assert "client id and secret" in done.stderr
    assert secret not in done.stdout + done.stderr
    assert leaks(tmp_path, [secret]) == []
    tokens = [one for one in server.requests if "token" in one.target]
    assert len(tokens) == 1  # a wrong client is not tried again


def test_secrets_show_nowhere() -> None:
    secret = Secret("hush-hush-hush")
    assert "hush" not in f"{secret} {secret!r}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_a_credentials_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text('[deviantart]\nclient_id = "1"\nclient_secret = "hush-hush-hush"\n')
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        credentials("deviantart", NAMES, file)
    file.chmod(0o600)
    pair = credentials("deviantart", NAMES, file)
    assert pair is not None
    assert pair[1].reveal() == "hush-hush-hush"
    assert credentials("danbooru", ("login", "api_key"), file) is None
    file.write_text('[deviantart]\nclient_secret = hush-hush-hush"\n')
    with pytest.raises(ConfigurationError, match="not TOML") as caught:
        credentials("deviantart", NAMES, file)
    assert "hush" not in str(caught.value)
    assert caught.value.__suppress_context__
    with pytest.raises(ConfigurationError, match="cannot read"):
        credentials("deviantart", NAMES, tmp_path / "none.toml")


def test_half_a_pair_is_no_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UPLOADTRENDS_DEVIANTART_CLIENT_SECRET")
    with pytest.raises(ConfigurationError, match="needs both"):
        credentials("deviantart", NAMES)
