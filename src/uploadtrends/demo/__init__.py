"""A local server that plays ArtStation, DeviantArt and Danbooru from a simulated population.

    population = simulate.population(2000, platforms=("artstation", "deviantart", "danbooru"))
    with demo.serve(population, today="2023-12-31") as server:
        session = Session(contact="me@example.org", demo=server.address, ...)

``python -m uploadtrends.demo`` runs one until it is interrupted.
"""

from uploadtrends.demo.deviantart import CLIENT_ID, CLIENT_SECRET
from uploadtrends.demo.faults import KINDS, Faults
from uploadtrends.demo.reply import Reply
from uploadtrends.demo.server import HOSTS, DemoServer, Measured, play, serve
from uploadtrends.demo.world import World

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "HOSTS",
    "KINDS",
    "DemoServer",
    "Faults",
    "Measured",
    "Reply",
    "World",
    "play",
    "serve",
]
