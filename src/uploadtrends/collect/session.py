"""How the sites are reached: who asks, with which keys and permission, and at what pace."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from uploadtrends.collect.archive import read_plan
from uploadtrends.collect.polite import Polite
from uploadtrends.collect.sites import site_class, site_names
from uploadtrends.collect.visit import Site
from uploadtrends.collect.wire import HostRules, Permit
from uploadtrends.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Session:
    """How the sites are reached; the same for every command that asks them anything.

    Parameters
    ----------
    contact : str, optional
        Whom the sites can write to; required as soon as something is requested.
    credentials : path, optional
        TOML file of mode 600 with keys to the sites; default: environment variables.
    i_have_permission : bool
        The user's word that they may collect from a site whose terms restrict it.
    max_requests : int, optional
        Ends the run after so many requests.
    seconds_between : float, optional
        Another pace; only a slower one than the site's own, except towards a demo server.
    demo : str, optional
        Address of a demo server on this machine.
    state : path, optional
        Folder of the shared limiter.
    key_file : path, optional
        Key of the pseudonyms.
    rules : mapping of str to value, optional
        Other fields of `HostRules` to change (tests use shorter pauses).
    """

    contact: str | None = None
    credentials: str | Path | None = None
    i_have_permission: bool = False
    max_requests: int | None = None
    seconds_between: float | None = None
    demo: str | None = None
    state: str | Path | None = None
    key_file: str | Path | None = None
    rules: dict[str, Any] = field(default_factory=dict)

    def rules_for(self, site: Site) -> list[HostRules]:
        """Return the rules of the site's hosts at the pace of this session."""
        changed = dict(self.rules)
        pace = self.seconds_between
        if pace is not None:
            slowest = max(rule.seconds_between for rule in site.rules)
            if pace < slowest and not self.demo:
                raise ConfigurationError(
                    f"{site.name} is asked no faster than once in {slowest} s. Fix: "
                    "--seconds-between may only be longer"
                )
            changed["seconds_between"] = pace
        return [replace(rule, **changed) for rule in site.rules]

    def open(self, site: Site) -> tuple[Polite, Permit | None]:
        """Return the door to the network, and what signs the requests.

        Raises
        ------
        ConfigurationError
            Without a contact or credentials.
        """
        permit = site.permit()
        polite = Polite(
            self.contact,
            self.rules_for(site),
            demo=self.demo,
            state=Path(self.state) if self.state else None,
            max_requests=self.max_requests,
        )
        return polite, permit

    def with_permission(self, source: str, raw: Path) -> Session:
        """Return this session with the user's word, given now or in an earlier crawl under `raw`.

        Raises
        ------
        ConfigurationError
            When it was never given and the site's terms need it; the message explains them.
        """
        terms = site_class(source).terms
        if not terms or self.i_have_permission:
            return self
        for path in (raw / source).glob("*/crawl.json"):
            settings = read_plan(path).get("settings", {})
            if settings.get("i_have_permission"):
                return replace(self, i_have_permission=True)
        raise ConfigurationError(terms)

    def recorded(self, source: str) -> dict[str, Any]:
        """Return what a crawl's plan says about the session."""
        words: dict[str, Any] = {"server": self.demo or "the site itself"}
        if site_class(source).terms:
            words["i_have_permission"] = self.i_have_permission
        return words


def robots_exceptions() -> list[tuple[str, str, str, str]]:
    """Return what is asked without looking at robots.txt: host, pattern, reason, reference."""
    return [
        (rules.host, one.pattern, one.reason, one.reference)
        for name in site_names()
        for rules in site_class(name).rules
        for one in rules.robots_exceptions
    ]
