"""A stand-in for Colab's own module: its presence is what the first cell of a lesson looks for."""

from google.colab import output

__all__ = ["output"]
