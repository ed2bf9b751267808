"""Machine learning on atoms that respects symmetry: a course and an exploration kit.

Nothing is imported here, so that `import equitour` costs nothing; take the rooms by name:
`from equitour.graph import AtomicGraph`, `from equitour import view, learn, datasets`.
"""

__version__ = "0.1.0"
