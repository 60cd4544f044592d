"""Pseudonyms for whatever leaves the machine, and the way out for those who want to leave.

Handles stay in the local store and archive. `forget` takes a person out of both for good.
"""

from uploadtrends.privacy.forgetting import ForgetReport, forget
from uploadtrends.privacy.shown import pseudonymised
from uploadtrends.pseudonyms import default_key_path, load_key, pseudonym

__all__ = ["ForgetReport", "default_key_path", "forget", "load_key", "pseudonym", "pseudonymised"]
