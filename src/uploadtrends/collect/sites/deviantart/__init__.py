"""DeviantArt: its API, its feed, and the frames that artists are drawn from."""

from uploadtrends.collect.sites.deviantart.site import CAP, DeviantArt

SITE = DeviantArt
__all__ = ["CAP", "SITE", "DeviantArt"]
