"""The way out to the network: the only room whose modules speak to another machine.

An auditor reads this folder and nothing else. Everything that arrives is archived first and turned
into records from the archive; no image is ever asked for.
"""
