"""Random samples of artists from named frames, with the weights that the draw implies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from uploadtrends.collect.archive import Archive, read_plan, write_atomically
from uploadtrends.collect.crawl import RAW, Asking
from uploadtrends.collect.plans import new_folder, new_plan, now_text, sample_text
from uploadtrends.collect.session import Session
from uploadtrends.collect.sites import site_named
from uploadtrends.collect.visit import Ask, FrameOptions, Member, Site, Target, WalkEndedError
from uploadtrends.collect.wire import StoppedError
from uploadtrends.errors import BlockedError, CollectError, InputError
from uploadtrends.pseudonyms import Ledger, prune


@dataclass(frozen=True, slots=True)
class Sample:
    """A drawn sample.

    Attributes
    ----------
    file : Path
        CSV that `collect(artists=...)` reads; a JSON file of the same name describes frame and
        draw.
    targets : tuple of Target
        In draw order.
    frame_size : int
        Artists above the threshold in the frame.
    caveat : str
        Who is in the frame and who cannot be.
    """

    source: str
    frame: str
    file: Path
    targets: tuple[Target, ...]
    frame_size: int
    followers: int
    seed: int
    n_requests: int
    caveat: str

    def summary(self) -> str:
        """Say what was drawn from where."""
        short = "" if len(self.targets) < self.frame_size else " (the whole frame)"
        return (
            f"{self.source}: {len(self.targets)} artists{short} drawn from {self.frame_size} with "
            f"more than {self.followers} followers, frame '{self.frame}', seed {self.seed} -> "
            f"{self.file}\n{self.caveat}"
        )

    def __str__(self) -> str:
        return self.summary()


def sample(
    source: str,
    *,
    session: Session,
    followers: int = 2000,
    n: int = 250,
    seed: int = 1,
    frame: str | None = None,
    pages: int = 200,
    raw: str | Path = RAW,
) -> Sample:
    """Draw `n` artists at random among those with more than `followers` followers.

    The frame is collected into the archive first; an interrupted one is taken up again. The draw
    orders the frame by a hash of seed and artist, so the same seed over the same frame gives the
    same artists, and one more member changes at most one of them.

    Parameters
    ----------
    source : {"artstation", "deviantart", "danbooru"}
        The site. On Danbooru the threshold counts posts.
    session : Session
        Contact, credentials, permission and limits.
    followers : int
        Threshold; strictly more are wanted (on Danbooru: at least so many posts).
    n : int
        Artists to draw; fewer when the frame is smaller.
    seed : int
        Seed of the draw, and of the random dates that a frame visits.
    frame : str, optional
        ArtStation: "users-search" (default) or "latest-projects"; DeviantArt: "tags+daily";
        Danbooru: "artist-tags".
    pages : int
        Most pages of one listing.
    raw : path
        Folder of the archives.

    Raises
    ------
    InputError
        Unknown frame, or nobody above the threshold.
    BlockedError, CollectError
        The frame could not be collected to the end; run again to go on.
    """
    if n < 1:
        raise InputError("a sample has at least one artist", column="n", value=n)
    site = site_named(source, credentials=session.credentials)
    frame = frame or next(iter(site.frames))
    if frame not in site.frames:
        raise InputError(
            f"{source} has no such frame", value=frame, fix=f"one of {', '.join(site.frames)}"
        )
    session = session.with_permission(source, Path(raw))
    root = Path(raw) / source
    options = FrameOptions(followers, seed, pages)
    settings = {
        "frame": frame,
        "followers": followers,
        "seed": seed,
        "pages": pages,
        **session.recorded(source),
    }
    folder = _unfinished_frame(root, settings) or new_folder(root, "frame-")
    gone = Ledger(Path(raw), session.key_file).test(source)
    polite, permit = session.open(site)
    with (
        polite,
        Archive(
            folder,
            write=True,
            prune=(lambda body: prune(body, gone, site.people)) if gone else None,
        ) as kept,
    ):
        plan = kept.read_plan() or new_plan("frame", source, folder.name, settings, [])
        kept.write_plan(plan)
        ask = Asking(kept, polite, permit)
        members = _members(site, frame, ask, options)
        plan |= {"status": "complete", "finished_at": now_text(), "frame_size": len(members)}
        kept.write_plan(plan)
    if gone:
        members = [one for one in members if not gone(one.handle) and not gone(one.artist_id)]
    if not members:
        raise InputError(
            f"nobody in the frame '{frame}' has more than {followers} followers",
            fix="lower --followers",
        )
    targets = draw(members, n=n, seed=seed, frame=frame, platform=source)
    file = root / "samples" / f"{frame}-{followers}-n{n}-seed{seed}-{folder.name}.csv"
    write_atomically(file, sample_text(source, targets).encode())
    caveat = " ".join([site.frames[frame], *options.told])
    about = {
        **settings,
        "n": n,
        "frame_size": len(members),
        "frame_archive": folder.name,
        "drawn_at": now_text(),
        "routes": _routes(members),
        "caveat": caveat,
    }
    write_atomically(file.with_suffix(".json"), (json.dumps(about, indent=1) + "\n").encode())
    return Sample(
        source,
        frame,
        file,
        tuple(targets),
        len(members),
        followers,
        seed,
        polite.n_requests,
        caveat,
    )


def draw(
    members: Iterable[Member], *, n: int, seed: int, frame: str, platform: str
) -> list[Target]:
    """Draw `n` members with equal chances, without replacement.

    Inclusion probability is n / N and the design weight N / n; in a frame whose members were seen
    the more often the more they publish, the probability is unknown and the weight is proportional
    to 1 / number of works with mean 1.
    """
    distinct = {member.artist_id: member for member in members}

    def order(artist_id: str) -> str:
        return hashlib.sha256(f"{seed}:{platform}:{artist_id}".encode()).hexdigest()

    chosen = sorted(distinct, key=order)[:n]
    share = len(chosen) / len(distinct)
    weighted = any(distinct[one].rate is not None for one in chosen)
    inverse = {one: 1 / max(1.0, distinct[one].rate or 1.0) for one in chosen}
    mean = sum(inverse.values()) / len(inverse)
    return [
        Target(
            artist_id,
            distinct[artist_id].handle,
            frame=frame,
            draw=place,
            inclusion_probability=None if weighted else share,
            design_weight=inverse[artist_id] / mean if weighted else 1 / share,
            followers=distinct[artist_id].followers,
        )
        for place, artist_id in enumerate(chosen, start=1)
    ]


def _members(site: Site, frame: str, ask: Ask, options: FrameOptions) -> list[Member]:
    found: dict[str, Member] = {}
    try:
        for member in site.frame(frame, ask, options):
            known = found.get(member.artist_id)
            if known is not None:
                routes = tuple(sorted({*known.routes, *member.routes}))
                member = replace(member, hits=known.hits + member.hits, routes=routes)
            found[member.artist_id] = member
        if frame in site.looked_up:
            looked_up = [site.look_up(member, ask) for member in found.values()]
            return [one for one in looked_up if one and (one.followers or 0) > options.followers]
    except WalkEndedError as error:
        raise CollectError(f"the frame could not be read to the end: {error}") from None
    except (BlockedError, StoppedError) as error:
        raise type(error)(*_words(error)) from None
    return list(found.values())


def _words(error: BlockedError | StoppedError) -> tuple[Any, ...]:
    text = f"{error} The frame is kept as far as it was read; run the same command to go on."
    return (text, error.outcome) if isinstance(error, StoppedError) else (text,)


def _routes(members: list[Member]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for member in members:
        name = " and ".join(member.routes)
        counts[name] = counts.get(name, 0) + 1
    return counts


def _unfinished_frame(root: Path, settings: dict[str, Any]) -> Path | None:
    for path in sorted(root.glob("frame-*/crawl.json"), reverse=True):
        plan = read_plan(path)
        known = {k: v for k, v in plan.get("settings", {}).items() if k != "server"}
        wanted = {k: v for k, v in settings.items() if k != "server"}
        if plan.get("status") != "complete" and known == wanted:
            return path.parent
    return None
