"""Hierax as a data service of TOM Toolkit."""

__version__ = "0.1.0"
