"""DeviantArt's OAuth2 API: address, rules, what its errors mean, and the token."""

from __future__ import annotations

import time
from typing import Any

from uploadtrends.collect.credentials import Secret, basic
from uploadtrends.collect.visit import count_of
from uploadtrends.collect.wire import (
    Answer,
    Door,
    HostRules,
    Outcome,
    Request,
    RobotsException,
    StoppedError,
)
from uploadtrends.errors import ConfigurationError

HOST = "www.deviantart.com"
API = f"https://{HOST}/api/v1/oauth2"
EXPAND = "user.details,user.stats"


def judge(status: int, payload: Any) -> Outcome | None:
    """Tell what an answer is by its `error`, which may come with status 200."""
    if not isinstance(payload, dict):
        return None
    error = str(payload.get("error") or "")
    if error.endswith("_api_threshold"):
        return "throttled"
    if error in ("invalid_token", "expired_token") or (status == 401):
        return "unauthorized"
    if payload.get("status") == "error" and status == 200:
        return "refused" if error in ("invalid_request", "version_error") else "server_error"
    return None


RULES = HostRules(
    HOST,
    seconds_between=2.0,
    read_timeout=30.0,
    judge=judge,
    robots_exceptions=(
        RobotsException(
            r"^/api/v1/oauth2/|^/oauth2/token$",
            "the OAuth2 API for registered applications; the robots file speaks to crawlers of "
            "the website",
            "https://www.deviantart.com/developers/http/v1/",
        ),
    ),
)


class ClientCredentials:
    """A token of the client-credentials grant: fetched when needed, renewed before it ends."""

    def __init__(self, client_id: Secret, client_secret: Secret) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._token = Secret("")
        self._ends = 0.0

    def __repr__(self) -> str:
        return "ClientCredentials(...)"

    def prepare(self, door: Door) -> None:
        """Fetch a token when there is none or the present one is about to end."""
        if not self._token or time.monotonic() > self._ends:
            self.renew(door)

    def renew(self, door: Door) -> bool:
        """Fetch a token; answers of the token route are kept nowhere."""
        question = Request(
            f"https://{HOST}/oauth2/token", form=(("grant_type", "client_credentials"),)
        )
        answer = door.fetch(question, permit=_Client(self._client_id, self._client_secret))
        token = _token_of(answer)
        if answer.outcome in ("server_error", "network", "too_slow"):
            why = answer.detail or f"status {answer.status}"
            raise StoppedError(
                f"DeviantArt gives no token now ({answer.outcome}: {why}). Fix: run the same "
                "command later; it goes on where it stopped",
                answer.outcome,
            )
        if token is None:
            raise ConfigurationError(
                f"DeviantArt gave no token ({answer.outcome}, status {answer.status}). Fix: check "
                "client id and secret of your application at "
                "https://www.deviantart.com/developers/"
            )
        self._token, lifetime = token
        self._ends = time.monotonic() + lifetime * 55 / 60
        return True

    def secrets(self) -> tuple[str, ...]:
        """Return token and client secret; the client id is public and may occur in any number."""
        return tuple(one.reveal() for one in (self._token, self._client_secret) if one)

    def __call__(self, request: Any) -> Any:
        """Sign a request."""
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request


class _Client:
    """Signs the request for a token, and nothing else."""

    def __init__(self, client_id: Secret, client_secret: Secret) -> None:
        self._pair = (client_id, client_secret)

    def prepare(self, door: Door) -> None:
        pass

    def renew(self, door: Door) -> bool:
        return False

    def secrets(self) -> tuple[str, ...]:
        # The token in the answer is needed, so it is not scrubbed here; nothing is kept of it.
        return (self._pair[1].reveal(), basic(*self._pair))

    def __call__(self, request: Any) -> Any:
        from requests.auth import HTTPBasicAuth

        return HTTPBasicAuth(self._pair[0].reveal(), self._pair[1].reveal())(request)


def _token_of(answer: Answer) -> tuple[Secret, float] | None:
    if answer.outcome != "ok":
        return None
    payload = answer.json()
    token = payload.get("access_token") if isinstance(payload, dict) else None
    if not isinstance(token, str) or not token:
        return None
    lifetime = count_of(payload.get("expires_in"))
    return Secret(token), 3600.0 if lifetime is None else float(lifetime)
