"""The exceptions that uploadtrends raises, in one small tree.

Catch `UploadTrendsError` to catch all of them.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any


class UploadTrendsError(Exception):
    """Anything that uploadtrends raises on purpose.

    See Also
    --------
    InputError : Something given cannot be used.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> issubclass(ut.InputError, ut.UploadTrendsError)
    True
    """


class InputError(UploadTrendsError, ValueError):
    """The data or an argument cannot be used as given.

    Parameters
    ----------
    problem : str
        What is wrong, as a sentence without the parts below.
    file, column, value
        Where it is wrong, as far as known.
    fix : str, optional
        What to do about it.

    See Also
    --------
    UploadTrendsError : The base of all errors of this package.

    Examples
    --------
    >>> import uploadtrends as ut
    >>> try:
    ...     ut.Event("soon")
    ... except ut.InputError as error:
    ...     print(bool(error.fix))
    True
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | Path | None = None,
        column: str | None = None,
        value: Any = None,
        fix: str | None = None,
    ) -> None:
        self.problem = problem
        self.file = file
        self.column = column
        self.value = value
        self.fix = fix
        where = [
            f"{name} {shown}"
            for name, shown in (
                ("file", f"'{file}'" if file is not None else None),
                ("column", f"'{column}'" if column is not None else None),
                ("value", repr(value) if value is not None else None),
            )
            if shown is not None
        ]
        message = problem
        if where:
            message += f" ({', '.join(where)})"
        if fix:
            message += f". Fix: {fix}"
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions cross process borders (joblib); keyword arguments do not survive by default.
        return (_rebuild, (type(self), self.problem, self.file, self.column, self.value, self.fix))


def _rebuild(
    kind: type[InputError],
    problem: str,
    file: str | Path | None,
    column: str | None,
    value: Any,
    fix: str | None,
) -> InputError:
    return kind(problem, file=file, column=column, value=value, fix=fix)


class NotEstimableError(UploadTrendsError):
    """The data cannot carry the estimate that was asked for."""


class ConfigurationError(UploadTrendsError):
    """A setting that the user has to give is missing or contradictory."""


class StoreError(UploadTrendsError):
    """The database cannot be read or written."""


class StoreLockedError(StoreError):
    """Another process holds the database."""


class TooManyRejectsError(StoreError):
    """More input rows were unreadable than the caller allowed; nothing was loaded."""


class CollectError(UploadTrendsError):
    """A platform's answer could not be used."""


class BlockedError(CollectError):
    """A platform refuses us; the run stops for that host and is never worked around."""


def explain_os(error: OSError) -> str:
    """Return a refusal of the operating system in one line, with what to do about it."""
    where = f" '{error.filename}'" if error.filename else ""
    reason = error.strerror or type(error).__name__
    fixes = {
        errno.ENOSPC: "free some space, or write to another disk",
        errno.EDQUOT: "free some space, or write to another disk",
        errno.EFBIG: "write to a disk that takes files of this size",
        errno.EACCES: "choose a place that you may read and write, or change its permissions",
        errno.EPERM: "choose a place that you may read and write, or change its permissions",
        errno.EROFS: "choose a folder on a disk that can be written",
        errno.ENOENT: "check the path",
        errno.EISDIR: "name a file, not a folder",
        errno.ENOTDIR: "name a folder, not a file",
        errno.EEXIST: "choose another name, or remove what is there",
        errno.ENAMETOOLONG: "choose a shorter name",
        errno.EMFILE: "raise the limit of open files (ulimit -n)",
        errno.EIO: "check the disk, and restore the file from a backup",
    }
    fix = fixes.get(error.errno or 0, "check that the file can be read and its folder written")
    return f"{reason}{where}. Fix: {fix}"
